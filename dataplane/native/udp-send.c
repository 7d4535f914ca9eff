#include <errno.h>
#include <string.h>

#include "geometry.h"
#include "udp.h"

/* How often one datagram is tried again after EINTR or ENOBUFS. */
#define RETRIES_MAX 3

/* Up to PORT_BATCH datagrams of one source socket; frames[i] is what headers[i] sends. */
struct run {
	uint16_t socket;
	uint32_t count;
	struct frame *frames[PORT_BATCH];
};

static void fill_name(const struct frame *frame, struct sockaddr_in6 *name, struct msghdr *header)
{
	memset(name, 0, sizeof(*name));
	header->msg_name = name;
	if (frame->family == 6) {
		name->sin6_family = AF_INET6;
		name->sin6_port = htons(frame->port);
		memcpy(&name->sin6_addr, frame->address, 16);
		header->msg_namelen = sizeof(*name);
		return;
	}
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(frame->port)};
	memcpy(&v4.sin_addr, frame->address, 4);
	memcpy(name, &v4, sizeof(v4));
	header->msg_namelen = sizeof(v4);
}

/* Control is of zero length unless needed: Linux answers EINVAL to an empty but present one. */
static void fill_control(const struct frame *frame, uint8_t *space, struct msghdr *header)
{
	int tos = frame->tos;

	header->msg_control = NULL;
	header->msg_controllen = 0;
	if (tos == 0)
		return;
	header->msg_control = space;
	header->msg_controllen = UDP_SEND_CONTROL;
	memset(space, 0, UDP_SEND_CONTROL);
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	control->cmsg_level = frame->family == 6 ? IPPROTO_IPV6 : IPPROTO_IP;
	control->cmsg_type = frame->family == 6 ? IPV6_TCLASS : IP_TOS;
	control->cmsg_len = CMSG_LEN(sizeof(tos));
	memcpy(CMSG_DATA(control), &tos, sizeof(tos));
}

/*
 * The parts of one datagram, in order. Encapsulation and frame are one piece, because the one stands before
 * the other.
 */
static size_t fill_parts(const struct span *arena, const struct frame *frame, struct iovec *parts)
{
	parts[0].iov_base = arena->data + frame->offset - frame->encap_length;
	parts[0].iov_len = (size_t)frame->encap_length + frame->length;
	return 1;
}

/* Return: 0 or -EINVAL, and then the frame is as it was */
static int make_sendable(const struct udp *udp, const struct span *arena, struct frame *frame)
{
	if (frame->socket >= udp->source_count || frame->family != udp->family)
		return -EINVAL;
	/* Segmentation is not here yet: better refused than sent as one datagram that no path carries. */
	if (frame->gso_type != FRAME_GSO_NONE)
		return -EINVAL;
	return geometry_complete_checksum(frame, arena->data, arena->size);
}

static void append(struct udp *udp, const struct span *arena, struct run *run, struct frame *frame)
{
	struct udp_message *message = &udp->messages[run->count];
	struct msghdr *header = &udp->headers[run->count].msg_hdr;

	fill_name(frame, &message->name, header);
	fill_control(frame, message->control, header);
	header->msg_iov = message->parts;
	header->msg_iovlen = fill_parts(arena, frame, message->parts);
	header->msg_flags = 0;
	run->frames[run->count++] = frame;
}

/* Errors that an earlier datagram may have caused: the kernel reports them once, on the next call. */
static int may_be_pending(int error)
{
	return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == EHOSTDOWN ||
	       error == EPROTO || error == ENOPROTOOPT;
}

static int is_worth_a_retry(int error, uint32_t retries)
{
	if (error == EINTR || error == ENOBUFS)
		return retries < RETRIES_MAX;
	return may_be_pending(error) && retries == 0;
}

static void flush(struct udp *udp, struct run *run, struct counters *counters)
{
	int fd = udp->source_fds[run->socket];
	uint32_t done = 0;
	uint32_t retries = 0;

	while (done < run->count) {
		int sent = sendmmsg(fd, udp->headers + done, run->count - done, MSG_DONTWAIT);
		if (sent < 0 && is_worth_a_retry(errno, retries)) {
			retries++;
			continue;
		}
		retries = 0;
		if (sent <= 0) {
			/*
			 * The error is that of the first unsent datagram; those behind it are not at fault.
			 */
			run->frames[done++]->status = (uint16_t)errno;
			counters->tx_errors++;
			continue;
		}
		counters->tx_batches++;
		counters->tx_frames += sent;
		for (uint32_t end = done + (uint32_t)sent; done < end; done++) {
			const struct frame *frame = run->frames[done];
			counters->tx_bytes += (double)frame->encap_length + frame->length;
		}
	}
	run->count = 0;
}

void udp_send(struct udp *udp, const struct span *arena, struct frame *frames, uint32_t count,
	      struct counters *counters)
{
	struct run run = {.socket = 0, .count = 0};

	for (uint32_t i = 0; i < count; i++) {
		struct frame *frame = &frames[i];

		frame->status = 0;
		if (make_sendable(udp, arena, frame) != 0) {
			frame->status = EINVAL;
			counters->tx_errors++;
			continue;
		}
		if (run.count == PORT_BATCH || frame->socket != run.socket)
			flush(udp, &run, counters);
		run.socket = frame->socket;
		append(udp, arena, &run, frame);
	}
	flush(udp, &run, counters);
}
