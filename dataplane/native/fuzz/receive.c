/*
 * libFuzzer target: messages as the kernel could give them to the VXLAN socket: how they are split into datagrams (with
 * and without UDP_GRO), what control messages say, and what becomes of the frames. The target is recvmmsg itself.
 *
 *   0          1
 *   ┌──────────┬─────────────────────────────────────────────────────────────────┬───
 *   │ capacity │ message: bytes LE 2 │ gro LE 4 │ MESSAGE_* 1 │ TOS 1 │ sender 1 │ its bytes │ …
 *   └──────────┴─────────────────────────────────────────────────────────────────┴───
 */
#include <errno.h>
#include <netinet/udp.h>
#include <sanitizer/asan_interface.h>
#include <string.h>

#include "handed-on.h"
#include "require.h"
#include "udp-inbox.h"

#define MESSAGE_HEADER 9u
#define MESSAGE_TRUNCATED 0x01u
#define MESSAGE_IPV6 0x02u
#define MESSAGE_GRO 0x04u
#define MESSAGE_TOS 0x08u
#define MESSAGE_STRANGE 0x10u /* a control message that nobody asked for */

#define ENCAP 8u
#define SLOTS 16u
#define SLOT_SIZE 2048u
#define FRAME_START 66u
#define TABLE (SLOTS * SLOT_SIZE)
#define ARENA (TABLE + COALESCE_FRAMES_MAX * PIECES_OF_FRAME * sizeof(union piece))

int kernel_recvmmsg(int fd, struct mmsghdr *headers, unsigned int count, int flags, struct timespec *timeout);

static const uint8_t *rest;
static size_t left;
static uint8_t *arena;
static struct frame expected[HANDED_ON_MAX];
static uint32_t expected_count, expected_messages, expected_truncated;

static uint32_t get_be16_at(const uint8_t *bytes)
{
	return bytes[0] * 256u + bytes[1];
}

/* The inner IP packet is all of the message: the kernel's own vxlan handed over a super-frame. */
static bool holds_one_packet(const uint8_t *message, uint32_t bytes)
{
	if (bytes < ENCAP + 14 + 40)
		return false;
	uint32_t type = get_be16_at(message + ENCAP + 12);
	if (type == 0x0800)
		return ENCAP + 14 + get_be16_at(message + ENCAP + 16) == bytes;
	return type == 0x86dd && ENCAP + 14 + 40 + get_be16_at(message + ENCAP + 18) == bytes;
}

/* Return: bytes of each datagram in the message */
static uint32_t datagram_size(const uint8_t *message, uint32_t bytes, int gro)
{
	if (gro <= 0 || (uint32_t)gro >= bytes || holds_one_packet(message, bytes))
		return bytes;
	return (uint32_t)gro;
}

static void expect(const uint8_t *message, uint32_t bytes, int gro)
{
	uint32_t each = datagram_size(message, bytes, gro);
	uint32_t at = 0;

	do {
		uint32_t size = bytes - at < each ? bytes - at : each;
		uint32_t encap = size < ENCAP ? size : ENCAP;
		expected[expected_count++] = (struct frame){.offset = (uint32_t)(message - arena) + at + encap,
							    .length = size - encap,
							    .encap_length = (uint16_t)encap};
		at += size;
	} while (at < bytes);
	expected_messages++;
}

static void add_control(struct msghdr *header, int level, int type, int value)
{
	struct cmsghdr *control = (struct cmsghdr *)(void *)((uint8_t *)header->msg_control + header->msg_controllen);

	control->cmsg_level = level;
	control->cmsg_type = type;
	control->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(control), &value, sizeof(value));
	header->msg_controllen += CMSG_SPACE(sizeof(value));
}

static void fill_name(struct msghdr *header, bool ipv6, uint8_t sender)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(50000), .sin_addr.s_addr = sender};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(50000)};

	v6.sin6_addr.s6_addr[15] = sender;
	memset(header->msg_name, 0, sizeof(v6));
	memcpy(header->msg_name, ipv6 ? (void *)&v6 : (void *)&v4, ipv6 ? sizeof(v6) : sizeof(v4));
	header->msg_namelen = ipv6 ? sizeof(v6) : sizeof(v4);
}

/* Control has room for two: TOS and UDP_GRO, which is all that the kernel was asked for. */
static void fill_control(struct msghdr *header, uint8_t kind, uint8_t tos, int gro)
{
	REQUIRE(header->msg_controllen >= 2 * CMSG_SPACE(sizeof(int)));
	header->msg_controllen = 0;
	if (kind & MESSAGE_STRANGE)
		add_control(header, SOL_SOCKET, SO_MARK, gro);
	else if (kind & MESSAGE_TOS)
		add_control(header, kind & MESSAGE_IPV6 ? IPPROTO_IPV6 : IPPROTO_IP,
			    kind & MESSAGE_IPV6 ? IPV6_TCLASS : IP_TOS, tos);
	if (kind & MESSAGE_GRO)
		add_control(header, SOL_UDP, UDP_GRO, gro);
}

/* Return: false if there is no other message */
static bool receive_one(struct mmsghdr *header)
{
	if (left < MESSAGE_HEADER)
		return false;
	uint32_t bytes = rest[0] + rest[1] * 256u;
	int32_t gro;
	memcpy(&gro, rest + 2, sizeof(gro));
	uint8_t kind = rest[6], tos = rest[7], sender = rest[8];
	const uint8_t *data = rest + MESSAGE_HEADER;
	const struct iovec *part = header->msg_hdr.msg_iov;

	left -= MESSAGE_HEADER;
	bytes = bytes < left ? bytes : (uint32_t)left;
	rest = data + bytes;
	left -= bytes;
	if (bytes > part->iov_len) {
		bytes = (uint32_t)part->iov_len;
		kind |= MESSAGE_TRUNCATED;
	}
	if (!(kind & MESSAGE_GRO) || gro == 0)
		gro = 0;
	/* No more datagrams than this target follows. */
	if (gro > 0 && bytes / (uint32_t)gro > 64)
		gro = (int)(bytes / 64 + 1);
	ASAN_UNPOISON_MEMORY_REGION(part->iov_base, bytes);
	memcpy(part->iov_base, data, bytes);
	fill_name(&header->msg_hdr, kind & MESSAGE_IPV6, sender);
	fill_control(&header->msg_hdr, kind, tos, gro);
	header->msg_hdr.msg_flags = kind & MESSAGE_TRUNCATED ? MSG_TRUNC : 0;
	header->msg_len = bytes;
	if (kind & MESSAGE_TRUNCATED)
		expected_truncated++;
	else
		expect(part->iov_base, bytes, gro);
	return true;
}

int kernel_recvmmsg(int fd, struct mmsghdr *headers, unsigned int count, int flags, struct timespec *timeout)
{
	unsigned int received = 0;

	(void)fd;
	(void)flags;
	(void)timeout;
	while (received < count && expected_count + 65 <= HANDED_ON_MAX && receive_one(&headers[received]))
		received++;
	if (received > 0)
		return (int)received;
	errno = EAGAIN;
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct udp_inbox inbox;
	struct frame frames[COALESCE_FRAMES_MAX];
	struct counters counters = {0};
	uint32_t count;

	if (size < 1)
		return 0;
	rest = input + 1;
	left = size - 1;
	expected_count = expected_messages = expected_truncated = 0;
	memset(&inbox, 0, offsetof(struct udp_inbox, coalescer));
	inbox.encap_length = ENCAP;
	inbox.coalescer.protocols = COALESCE_TCP | COALESCE_UDP;
	arena = aligned_alloc(8, ARENA);
	ASAN_POISON_MEMORY_REGION(arena, TABLE);

	struct slots slots = {.arena = {arena, ARENA}, .count = SLOTS, .size = SLOT_SIZE, .frame_start = FRAME_START};
	struct pieces pieces = {(union piece *)(void *)(arena + TABLE), COALESCE_FRAMES_MAX * PIECES_OF_FRAME};
	udp_receive(&inbox, 0, &slots, &counters);
	/* What was not received stays forbidden, also to a copy of it. */
	static uint8_t before[ARENA];
	for (uint32_t i = 0; i < expected_count; i++) {
		const struct frame *frame = &expected[i];
		uint32_t start = frame->offset - frame->encap_length;
		memcpy(before + start, arena + start, frame->encap_length + frame->length);
	}
	struct handed_on handed_on = {.arena = slots.arena, .pieces = pieces, .before = before,
				      .received = expected, .count = expected_count};
	while ((count = udp_take(&inbox, &slots, &pieces, frames, 1 + input[0] % COALESCE_FRAMES_MAX, &counters)) > 0)
		for (uint32_t i = 0; i < count; i++)
			handed_on_check(&handed_on, &frames[i]);
	handed_on_end(&handed_on);
	REQUIRE((uint32_t)counters.rx_frames == expected_count);
	REQUIRE((uint32_t)counters.rx_messages == expected_messages);
	REQUIRE((uint32_t)counters.rx_truncated == expected_truncated);
	ASAN_UNPOISON_MEMORY_REGION(arena, ARENA);
	free(arena);
	return 0;
}
