#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "packet.h"
#include "udp-inbox.h"

/*
 * A pending error (an ICMP answer to some datagram of ours) costs one call and no datagram: take it and ask
 * again.
 */
#define PENDING_ERRORS_MAX 8

/*
 * What one call should bring at the most, in bytes: 16 messages that UDP_GRO has filled. More would stay out of the
 * processor's cache until they are written, and let the answers of the containers wait.
 */
#define RECEIVE_BYTES (1024u * 1024u)
#define RECEIVE_MESSAGES_MIN 8u

/* ETH_ZLEN of linux/if_ether.h: bytes of the shortest Ethernet frame, to which shorter ones are padded. */
#define ETHERNET_LEAST 60u

static uint32_t message_start(const struct udp_inbox *inbox, const struct slots *slots, uint32_t index)
{
	/* So that the frame behind the encapsulation falls on frame_start. */
	return index * slots->size + slots->frame_start - inbox->encap_length;
}

static void prepare(struct udp_inbox *inbox, const struct slots *slots, uint32_t limit)
{
	for (uint32_t i = 0; i < limit; i++) {
		struct udp_arrival *arrival = &inbox->arrivals[i];
		struct msghdr *header = &inbox->headers[i].msg_hdr;
		uint32_t start = message_start(inbox, slots, i);

		arrival->part.iov_base = slots->arena.data + start;
		arrival->part.iov_len = (i + 1) * slots->size - start;
		header->msg_name = &arrival->name;
		header->msg_namelen = sizeof(arrival->name);
		header->msg_iov = &arrival->part;
		header->msg_iovlen = 1;
		header->msg_control = arrival->control;
		header->msg_controllen = UDP_RECEIVE_CONTROL;
		header->msg_flags = 0;
	}
}

/*
 * The kernel refuses to hand over messages while UDP_GRO is on: an errno that is no answer of the network to something we
 * sent. Nothing was taken out of the queue.
 */
static bool give_up_gro(struct udp_gro *gro, int fd, int error)
{
	int off = 0;

	if (!gro->on || (error != EIO && error != EINVAL))
		return false;
	setsockopt(fd, SOL_UDP, UDP_GRO, &off, sizeof(off));
	gro->on = false;
	gro->error = error;
	gro->leftovers = true;
	return true;
}

static int receive_call(struct udp_inbox *inbox, int fd, uint32_t limit)
{
	if (inbox->gro.on && inbox->gro.injected_error != 0) {
		errno = inbox->gro.injected_error;
		return -1;
	}
	return recvmmsg(fd, inbox->headers, limit, MSG_DONTWAIT, NULL);
}

static int receive_messages(struct udp_inbox *inbox, int fd, uint32_t limit, struct received *received,
			    struct counters *counters)
{
	for (int errors = 0; errors < PENDING_ERRORS_MAX;) {
		int count = receive_call(inbox, fd, limit);
		if (count < 0 && errno == EINTR)
			continue;
		if (count >= 0 || errno == EAGAIN) {
			received->error = 0;
			return count > 0 ? count : 0;
		}
		received->error = errno;
		counters->rx_errors++;
		if (give_up_gro(&inbox->gro, fd, errno))
			counters->rx_gro_error = inbox->gro.error;
		errors++;
	}
	return 0;
}

struct received udp_receive(struct udp_inbox *inbox, int fd, const struct slots *slots, struct counters *counters)
{
	struct received received = {0};
	uint32_t limit = PORT_BATCH;
	uint32_t bytes = 0;

	/* As many messages as RECEIVE_BYTES holds if they are like the last ones. */
	if (inbox->mean > 0 && RECEIVE_BYTES / inbox->mean < PORT_BATCH)
		limit = RECEIVE_BYTES / inbox->mean;
	if (limit < RECEIVE_MESSAGES_MIN)
		limit = RECEIVE_MESSAGES_MIN;
	if (limit > slots->count)
		limit = slots->count;
	/* While there may be leftovers, more is asked for than there is: only so the end of the queue shows. */
	if (!inbox->gro.leftovers)
		limit = appetite_limit(&inbox->appetite, limit);
	prepare(inbox, slots, limit);
	if (inbox->gro.drained)
		inbox->gro.leftovers = false;
	inbox->count = (uint32_t)receive_messages(inbox, fd, limit, &received, counters);
	inbox->gro.drained = inbox->count < limit && received.error == 0;
	for (uint32_t i = 0; i < inbox->count; i++)
		bytes += inbox->headers[i].msg_len;
	if (inbox->count > 0)
		inbox->mean = bytes / inbox->count;
	inbox->next = 0;
	inbox->begun = false;
	appetite_had(&inbox->appetite, limit, inbox->count);
	received.count = inbox->count;
	received.lone = inbox->count == 1 && bytes <= SMALL_FRAME;
	return received;
}

/* ---- one message ---- */

static void read_control(struct msghdr *header, struct frame *datagram, int *gro)
{
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL;
	     control = CMSG_NXTHDR(header, control)) {
		if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TOS) {
			datagram->tos = *CMSG_DATA(control);
		} else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_TCLASS) {
			int class;
			memcpy(&class, CMSG_DATA(control), sizeof(class));
			datagram->tos = (uint8_t)class;
		} else if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO) {
			memcpy(gro, CMSG_DATA(control), sizeof(*gro));
		}
	}
}

static void read_name(const struct sockaddr_in6 *name, struct frame *datagram)
{
	if (name->sin6_family == AF_INET6) {
		datagram->family = 6;
		datagram->port = ntohs(name->sin6_port);
		memcpy(datagram->address, &name->sin6_addr, 16);
		return;
	}
	struct sockaddr_in v4;
	memcpy(&v4, name, sizeof(v4));
	datagram->family = 4;
	datagram->port = ntohs(v4.sin_port);
	memcpy(datagram->address, &v4.sin_addr, 4);
}

/*
 * The kernel's own vxlan on the same box hands over a super-frame whole. One of TCP comes without a word; one of UDP
 * comes with the segment size of the inner datagrams, as if the outer ones had been merged, because sockets know of one
 * size only (udp_cmsg_recv). The inner IP header tells them apart: there it covers the whole message.
 */
static bool is_one_frame(const struct udp_inbox *inbox, const uint8_t *message, uint32_t bytes)
{
	uint32_t headers = inbox->encap_length + ETHERNET_HEADER;
	const uint8_t *ip = message + headers;

	if (bytes < headers + IPV6_HEADER)
		return false;
	if (packet_is_ipv4(message + inbox->encap_length))
		return get_be16(ip + IPV4_TOTAL_LENGTH) == bytes - headers;
	return packet_is_ipv6(message + inbox->encap_length) &&
	       get_be16(ip + IPV6_PAYLOAD_LENGTH) == bytes - headers - IPV6_HEADER;
}

/*
 * The size of the datagrams in a message that UDP_GRO has merged and does not tell of: as the IP header of the first frame
 * says. One that is shorter than Ethernet's least may have been padded, and tells nothing.
 */
static uint32_t unmarked_segment(const struct udp_inbox *inbox, const uint8_t *message, uint32_t bytes)
{
	uint32_t headers = inbox->encap_length + ETHERNET_HEADER;
	const uint8_t *ip = message + headers;
	uint32_t segment = bytes;

	if (bytes < headers + IPV6_HEADER)
		return bytes;
	if (packet_is_ipv4(message + inbox->encap_length))
		segment = headers + get_be16(ip + IPV4_TOTAL_LENGTH);
	else if (packet_is_ipv6(message + inbox->encap_length))
		segment = headers + IPV6_HEADER + get_be16(ip + IPV6_PAYLOAD_LENGTH);
	return segment >= inbox->encap_length + ETHERNET_LEAST && segment < bytes ? segment : bytes;
}

/* Return: false if the message is to be passed over */
static bool begin_message(struct udp_inbox *inbox, const struct slots *slots, struct counters *counters)
{
	struct mmsghdr *header = &inbox->headers[inbox->next];
	int gro = 0;

	memset(&inbox->datagram, 0, sizeof(inbox->datagram));
	read_control(&header->msg_hdr, &inbox->datagram, &gro);
	if (header->msg_hdr.msg_flags & MSG_TRUNC) {
		counters->rx_truncated++;
		return false;
	}
	read_name(&inbox->arrivals[inbox->next].name, &inbox->datagram);
	counters->rx_messages++;
	counters->rx_bytes += header->msg_len;
	inbox->begun = true;
	inbox->taken = 0;
	inbox->segment = header->msg_len;
	const uint8_t *message = slots->arena.data + message_start(inbox, slots, inbox->next);
	if (inbox->gro.leftovers)
		inbox->segment = unmarked_segment(inbox, message, header->msg_len);
	if (gro <= 0 || (uint32_t)gro >= header->msg_len)
		return true;
	if (is_one_frame(inbox, message, header->msg_len))
		inbox->datagram.gso_size = (uint16_t)gro;
	else
		inbox->segment = (uint32_t)gro;
	return true;
}

static void end_message(struct udp_inbox *inbox)
{
	inbox->next++;
	inbox->begun = false;
}

/* Describes what comes next, in inbox->datagram. Return: its bytes, encapsulation included */
static uint32_t next_datagram(struct udp_inbox *inbox, const struct slots *slots)
{
	uint32_t rest = inbox->headers[inbox->next].msg_len - inbox->taken;
	uint32_t bytes = rest < inbox->segment ? rest : inbox->segment;
	uint32_t encap = bytes < inbox->encap_length ? bytes : inbox->encap_length;

	inbox->datagram.encap_length = (uint16_t)encap;
	inbox->datagram.length = bytes - encap;
	inbox->datagram.offset = message_start(inbox, slots, inbox->next) + inbox->taken + encap;
	return bytes;
}

uint32_t udp_take(struct udp_inbox *inbox, const struct slots *slots, const struct pieces *pieces,
		  struct frame *frames, uint32_t capacity, struct counters *counters)
{
	struct coalescer *coalescer = &inbox->coalescer;
	uint32_t datagrams = 0;

	coalesce_begin(coalescer, &slots->arena, pieces, frames, capacity);
	while (inbox->next < inbox->count) {
		if (!inbox->begun && !begin_message(inbox, slots, counters)) {
			end_message(inbox);
			continue;
		}
		uint32_t bytes = next_datagram(inbox, slots);
		if (!coalesce_add(coalescer, &inbox->datagram))
			break;
		datagrams++;
		inbox->taken += bytes;
		if (inbox->taken >= inbox->headers[inbox->next].msg_len)
			end_message(inbox);
	}
	uint32_t count = coalesce_finish(coalescer);
	counters->rx_frames += datagrams;
	counters->rx_merged += datagrams - count;
	counters->rx_batches += count > 0;
	return count;
}
