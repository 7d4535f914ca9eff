/*
 * libFuzzer target: frames and super-frames on their way to sendmmsg. The target is the kernel: it holds every message
 * to the limits of udp(7), refuses what the input tells it to, and cuts what it takes into datagrams. Those of a frame
 * whose status is 0 are there, each once and in the order of its socket, exactly as reference.c cuts it.
 *
 *   0          1          2                 18
 *   ┌──────────┬──────────┬─────────────────┬──────────────────────────────────────────────────────────────┬───
 *   │ segments │ MODE     │ answers         │ bytes LE 2 │ where to 1 │ socket 1 │ virtio_net_hdr │ frame │ …
 *   └──────────┴──────────┴─────────────────┴──────────────────────────────────────────────────────────────┴───
 */
#include <errno.h>
#include <linux/udp.h>
#include <string.h>

#include "geometry.h"
#include "kernel-ring.h"
#include "reference.h"
#include "require.h"
#include "udp.h"
#include "vnet.h"

#define ENCAP 8u
#define SOCKETS 4u
#define FRAMES_MAX 24u
#define ANSWERS 16u
#define HEADER (2u + ANSWERS)
#define FRAME_HEADER (4u + VNET_HEADER)
#define LOG_MAX 4096u

int kernel_sendmmsg(int fd, struct mmsghdr *headers, unsigned int count, int flags);
ssize_t kernel_sendmsg(int fd, const struct msghdr *header, int flags);
ssize_t kernel_writev(int fd, const struct iovec *parts, int count);

/* What each socket has sent. */
struct log {
	uint32_t count;
	uint8_t *datagrams[LOG_MAX];
	uint32_t lengths[LOG_MAX];
	uint8_t where[LOG_MAX];
};

static struct log logs[SOCKETS];
static const uint8_t *answers;
static uint32_t answer;
static bool ipv6, gso_works;

/* 0: take it; an errno; -1: take only the first message */
static int next_answer(void)
{
	static const int ERRORS[8] = {0, 0, -1, EINTR, ENOBUFS, EMSGSIZE, ECONNREFUSED, EAGAIN};

	return ERRORS[answers[answer++ % ANSWERS] % 8];
}

/* Return: what UDP_SEGMENT says, 0 without */
static uint32_t read_segment(const struct msghdr *header)
{
	uint32_t segment = 0;

	REQUIRE((header->msg_control == NULL) == (header->msg_controllen == 0));
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL;
	     control = CMSG_NXTHDR((struct msghdr *)(uintptr_t)header, control)) {
		if (control->cmsg_level != IPPROTO_UDP)
			continue;
		uint16_t value;
		REQUIRE(control->cmsg_type == UDP_SEGMENT && control->cmsg_len == CMSG_LEN(sizeof(value)));
		memcpy(&value, CMSG_DATA(control), sizeof(value));
		REQUIRE(value > 0);
		segment = value;
	}
	return segment;
}

static uint8_t where_to(const struct msghdr *header)
{
	const uint8_t *name = header->msg_name;

	REQUIRE(header->msg_namelen == (ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)));
	return ipv6 ? name[offsetof(struct sockaddr_in6, sin6_addr) + 15] : name[offsetof(struct sockaddr_in, sin_addr) + 3];
}

static void take(int fd, const struct msghdr *header)
{
	static uint8_t bytes[70000];
	struct log *log = &logs[fd];
	uint32_t total = 0;
	uint32_t segment = read_segment(header);

	REQUIRE(header->msg_iovlen >= 1 && header->msg_iovlen <= 1024);
	for (size_t i = 0; i < header->msg_iovlen; i++) {
		REQUIRE(header->msg_iov[i].iov_len <= sizeof(bytes) - total);
		memcpy(bytes + total, header->msg_iov[i].iov_base, header->msg_iov[i].iov_len);
		total += (uint32_t)header->msg_iov[i].iov_len;
	}
	uint32_t each = segment > 0 ? segment : total;
	if (segment > 0) {
		REQUIRE(gso_works && total > segment && (total + segment - 1) / segment <= UDP_SEGMENTS_MAX);
		REQUIRE(total <= (ipv6 ? 65527u : 65507u));
	}
	uint32_t at = 0;
	do {
		uint32_t length = total - at < each ? total - at : each;
		REQUIRE(log->count < LOG_MAX);
		log->datagrams[log->count] = memcpy(malloc(length + 1), bytes + at, length);
		log->lengths[log->count] = length;
		log->where[log->count++] = where_to(header);
		at += length;
	} while (at < total);
}

static bool is_too_long(const struct msghdr *header)
{
	size_t total = 0;

	for (size_t i = 0; i < header->msg_iovlen; i++)
		total += header->msg_iov[i].iov_len;
	return total > (ipv6 ? 65527u : 65507u);
}

int kernel_sendmmsg(int fd, struct mmsghdr *headers, unsigned int count, int flags)
{
	(void)flags;
	REQUIRE(count >= 1 && count <= 1024);
	int error = next_answer();
	if (error == -1)
		count = 1;
	for (unsigned int i = 0; i < count; i++) {
		const struct msghdr *header = &headers[i].msg_hdr;
		bool refused = !gso_works && read_segment(header) > 0;
		if (refused || error > 0 || is_too_long(header)) {
			errno = refused ? EIO : error > 0 ? error : EMSGSIZE;
			return i > 0 ? (int)i : -1;
		}
		take(fd, header);
	}
	return (int)count;
}

ssize_t kernel_sendmsg(int fd, const struct msghdr *header, int flags)
{
	(void)flags;
	int error = next_answer();
	bool refused = !gso_works && read_segment(header) > 0;
	if (refused || error > 0 || is_too_long(header)) {
		errno = refused ? EIO : error > 0 ? error : EMSGSIZE;
		return -1;
	}
	take(fd, header);
	return 0;
}

/* Frames with a next hop go through an injector (fuzz/tunnel.c); here none has one. */
ssize_t kernel_writev(int fd, const struct iovec *parts, int count)
{
	(void)fd;
	(void)parts;
	REQUIRE(count == 0);
	return -1;
}

/* ---- the frames ---- */

struct plan {
	uint8_t *arena;
	uint8_t *before;
	uint32_t used;
	uint32_t count;
	struct frame frames[FRAMES_MAX];
	struct frame meant[FRAMES_MAX]; /* as they were before sending */
};

static void add_frame(struct plan *plan, const uint8_t *header, const uint8_t *data, uint32_t length)
{
	struct frame *frame = &plan->frames[plan->count];
	struct vnet vnet;

	*frame = (struct frame){.offset = plan->used + ENCAP, .length = length, .encap_length = ENCAP};
	/* What tells the datagrams of frames apart that are otherwise equal. */
	memset(plan->arena + plan->used, (int)plan->count + 1, ENCAP);
	memcpy(plan->arena + frame->offset, data, length);
	vnet_decode(header + 4, &vnet);
	if (geometry_from_vnet(&vnet, data, frame) != 0)
		return;
	frame->family = ipv6 ? 6 : 4;
	frame->address[ipv6 ? 15 : 3] = header[2] & 1;
	frame->port = 4789;
	frame->tos = header[2] >> 6;
	frame->socket = header[3] % (SOCKETS + 1);
	plan->used = frame->offset + length;
	plan->meant[plan->count++] = *frame;
}

static void plan_frames(struct plan *plan, const uint8_t *rest, size_t left)
{
	plan->arena = malloc(left + FRAMES_MAX * ENCAP);
	while (left > FRAME_HEADER + ETHERNET_HEADER && plan->count < FRAMES_MAX) {
		size_t length = rest[0] + rest[1] * 256u;
		left -= FRAME_HEADER;
		length = length < left ? length : left;
		add_frame(plan, rest, rest + FRAME_HEADER, (uint32_t)length);
		rest += FRAME_HEADER + length;
		left -= length;
	}
	plan->before = memcpy(malloc(plan->used + 1), plan->arena, plan->used);
}

/* ---- what must have been sent ---- */

static uint8_t *plain_datagram(const struct plan *plan, const struct frame *frame, uint32_t *length)
{
	*length = ENCAP + frame->length;
	uint8_t *bytes = memcpy(malloc(*length), plan->before + frame->offset - ENCAP, *length);
	if (frame->flags & FRAME_NEEDS_CSUM) {
		uint8_t *start = bytes + ENCAP + frame->csum_start;
		uint32_t sum = 0xffff - reference_sum(start, frame->length - frame->csum_start, 0);
		sum = sum == 0 ? 0xffff : sum;
		start[frame->csum_offset] = (uint8_t)(sum >> 8);
		start[frame->csum_offset + 1] = (uint8_t)sum;
	}
	return bytes;
}

/* Of a frame that was refused some datagrams may be missing. */
static void match(struct log *log, uint32_t *at, const struct frame *frame, uint8_t *expected, uint32_t length, bool all)
{
	bool same = *at < log->count && log->lengths[*at] == length &&
		    memcmp(log->datagrams[*at], expected, length) == 0;

	if (all)
		REQUIRE(same);
	if (same)
		REQUIRE(log->where[(*at)++] == frame->address[ipv6 ? 15 : 3]);
	free(expected);
}

static void check_frame(const struct plan *plan, uint32_t index, struct log *log, uint32_t *at)
{
	const struct frame *meant = &plan->meant[index];
	const uint8_t *start = plan->before + meant->offset - ENCAP;
	bool all = plan->frames[index].status == 0;
	uint32_t length;

	if (meant->gso_type == FRAME_GSO_NONE) {
		uint8_t *expected = plain_datagram(plan, meant, &length);
		match(log, at, meant, expected, length, all);
		return;
	}
	uint32_t headers = ENCAP + meant->header_length;
	uint32_t payload = meant->length - meant->header_length;
	for (uint32_t i = 0; i * meant->gso_size < payload; i++) {
		uint8_t *expected = reference_segment(meant, start, ENCAP, headers, i, &length);
		match(log, at, meant, expected, length, all);
	}
	/* A super-frame is only read: it may go to others yet. */
	REQUIRE(memcmp(plan->arena + meant->offset, start + ENCAP, meant->length) == 0);
}

static void check_sent(const struct plan *plan)
{
	for (uint32_t socket = 0; socket < SOCKETS; socket++) {
		struct log *log = &logs[socket];
		uint32_t at = 0;
		for (uint32_t i = 0; i < plan->count; i++)
			if (plan->meant[i].socket == socket)
				check_frame(plan, i, log, &at);
		REQUIRE(at == log->count);
		while (log->count > 0)
			free(log->datagrams[--log->count]);
	}
	for (uint32_t i = 0; i < plan->count; i++)
		REQUIRE(plan->meant[i].socket < SOCKETS || plan->frames[i].status == EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct udp udp;
	static struct ring ring;
	static struct outbox outbox;
	static struct plan plan;
	struct counters counters = {0};

	if (size <= HEADER)
		return 0;
	ipv6 = input[1] & 1;
	gso_works = !(input[1] & 2);
	answers = input + 2;
	answer = 0;
	plan.count = plan.used = 0;
	plan_frames(&plan, input + HEADER, size - HEADER);
	udp.family = ipv6 ? 6 : 4;
	udp.source_count = SOCKETS;
	udp.gso_error = 0;
	udp.gso_proven = gso_works;
	kernel_ring_open(&ring, input[1] >> 3 & 7u);
	udp.ring = input[1] & 4 ? &ring : NULL;
	udp.outbox = &outbox;
	for (int i = 0; i < (int)SOCKETS; i++)
		udp.source_fds[i] = i;
	outbox_clear(&outbox);
	outbox.segments = 1 + input[0] % OUTBOX_SEGMENTS_MAX;

	struct span arena = {plan.arena, plan.used};
	udp_send(&udp, &arena, plan.frames, plan.count, &counters);
	check_sent(&plan);
	REQUIRE(counters.tx_frames + counters.tx_errors == (double)plan.count);
	free(plan.arena);
	free(plan.before);
	return 0;
}
