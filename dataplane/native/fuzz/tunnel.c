/*
 * libFuzzer target: what stands before an injected frame, for any frame that a TAP could hand over. The target is the
 * injector, finishes the outer checksum as the kernel or a card does, and receives the datagram.
 *
 *   0        1
 *   ┌────────┬────────────────────┐
 *   │ CHOICE │ as in offered.h    │
 *   └────────┴────────────────────┘
 */
#include "tunnel.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "geometry.h"
#include "kernel-ring.h"
#include "offered.h"
#include "reference.h"
#include "require.h"

#define CHOICE_IPV6 0x01u
#define CHOICE_SMALL_MTU 0x02u
#define CHOICE_INTERRUPTED 0x04u
#define CHOICE_FULL 0x08u /* the injector has no room */
#define CHOICE_DOWN 0x10u /* it was set down */
#define CHOICE_RING 0x20u /* the write waits in the ring */
#define CHOICE_NO_RING 0x40u /* which refuses it */

#define ENCAP 8u
#define UDP 8u
#define MTU_SMALL 100u
#define MTU_LARGE 65535u

ssize_t kernel_writev(int fd, const struct iovec *parts, int count);

static uint8_t choice;
static uint32_t calls;
static uint8_t written[TUNNEL_HEADERS_MAX + ENCAP + FRAME_MAX_LENGTH];
static uint32_t length;

ssize_t kernel_writev(int fd, const struct iovec *parts, int count)
{
	REQUIRE(fd == 7);
	if (choice & CHOICE_INTERRUPTED && calls++ == 0) {
		errno = EINTR;
		return -1;
	}
	if (choice & (CHOICE_FULL | CHOICE_DOWN)) {
		errno = choice & CHOICE_FULL ? EAGAIN : EIO;
		return -1;
	}
	length = 0;
	for (int i = 0; i < count; i++) {
		REQUIRE(parts[i].iov_len <= sizeof(written) - length);
		memcpy(written + length, parts[i].iov_base, parts[i].iov_len);
		length += (uint32_t)parts[i].iov_len;
	}
	return (ssize_t)length;
}

static uint32_t get_be16_at(const uint8_t *bytes)
{
	return bytes[0] * 256u + bytes[1];
}

static uint32_t get_le16_at(const uint8_t *bytes)
{
	return bytes[0] + bytes[1] * 256u;
}

/* As the kernel finishes what is left to it: RFC 1071, and 0xffff for 0. */
static void finish_checksum(uint8_t *ethernet, uint32_t size)
{
	uint8_t *start = ethernet + get_le16_at(written + 6);
	uint8_t *field = start + get_le16_at(written + 8);

	REQUIRE(get_le16_at(written + 6) % 2 == 0 && field + 2 <= ethernet + size);
	uint32_t sum = 0xffff - reference_sum(start, (uint32_t)(ethernet + size - start), 0);
	sum = sum == 0 ? 0xffff : sum;
	field[0] = (uint8_t)(sum >> 8);
	field[1] = (uint8_t)sum;
}

static void check_written(const struct frame *frame, const uint8_t *frame_bytes, uint32_t segments)
{
	bool ipv6 = choice & CHOICE_IPV6;
	uint32_t ip_header = ipv6 ? 40 : 20;
	uint8_t *ethernet = written + TUNNEL_VNET_HEADER;
	uint8_t *ip = ethernet + ETHERNET_HEADER;
	uint8_t *udp = ip + ip_header;
	uint32_t udp_length = UDP + ENCAP + frame->length;
	uint32_t size = length - TUNNEL_VNET_HEADER;

	REQUIRE(size == ETHERNET_HEADER + ip_header + udp_length);
	REQUIRE(get_le16_at(written + 2) <= size && written[0] & 1);
	REQUIRE(get_be16_at(ethernet + 12) == (ipv6 ? 0x86dd : 0x0800) && get_be16_at(udp + 4) == udp_length);
	if (ipv6)
		REQUIRE(ip[0] >> 4 == 6 && get_be16_at(ip + 4) == udp_length && ip[6] == 17);
	else
		REQUIRE(reference_sum(ip, 20, 0) == 0xffff && get_be16_at(ip + 2) == 20 + udp_length && ip[9] == 17);
	REQUIRE(memcmp(udp + UDP + ENCAP, frame_bytes, frame->length) == 0);
	if (segments > 1) {
		REQUIRE((written[1] & 0x60) == (ipv6 ? 0x40 : 0x20) && written[0] & 8);
		REQUIRE(get_le16_at(written + 4) == frame->gso_size && (written[1] & 0x1f) == (frame->gso_type & 0x1f));
		REQUIRE(get_le16_at(written + 20) == ETHERNET_HEADER + ip_header);
		REQUIRE(get_le16_at(written + 22) == size - frame->length + ETHERNET_HEADER);
		/* The kernel replaces the length in the sum of each segment. */
		REQUIRE(get_be16_at(udp + 6) == reference_pseudo(ip, 17, udp_length));
		return;
	}
	REQUIRE(written[1] == 0 && !(written[0] & 8));
	finish_checksum(ethernet, size);
	REQUIRE(get_be16_at(udp + 6) != 0);
	REQUIRE(reference_sum(udp, udp_length, reference_pseudo(ip, 17, udp_length)) == 0xffff);
}

/* Return: as tunnel_send, but that nothing waits any more */
static int send_or_wait(struct tunnel *tunnel, struct frame *frame, const uint8_t *data, struct counters *counters)
{
	struct frame *failed[RING_CALLS];
	int result = tunnel_send(tunnel, frame, data, 50000, !(choice & CHOICE_RING), counters);

	if (result != TUNNEL_WAITS)
		return result;
	uint32_t count = tunnel_flush(tunnel, failed, counters);
	REQUIRE(count <= 1 && (count == 0 || failed[0] == frame));
	return count == 0 ? 0 : TUNNEL_PASSES;
}

static void send_frame(struct frame *frame, const uint8_t *data)
{
	static struct ring ring;
	struct tunnel_hop hop = {.fd = 7, .mtu = choice & CHOICE_SMALL_MTU ? MTU_SMALL : MTU_LARGE};
	struct tunnel tunnel = {.origin = {.family = choice & CHOICE_IPV6 ? 6 : 4, .hop_limit = 64, .address = {192, 0, 2, 1}}};
	struct counters counters = {0};

	REQUIRE(tunnel_set_hops(&tunnel, (const uint8_t *)&hop, sizeof(hop)) == 0);
	kernel_ring_open(&ring, choice & CHOICE_NO_RING ? 1 : 0);
	tunnel.ring = &ring;
	int result = send_or_wait(&tunnel, frame, data, &counters);
	REQUIRE((counters.tx_tunnel_frames > 0) == (result == 0));
	REQUIRE(result == 0 || result == EMSGSIZE || result == TUNNEL_PASSES);
	if (result == 0)
		check_written(frame, data, (uint32_t)counters.tx_segments);
	/* Given up for what does not pass, and for nothing else. */
	REQUIRE(tunnel.error == 0 || (tunnel.error == EIO && choice & CHOICE_DOWN && tunnel.hops[0].fd == -1));
	tunnel_close(&tunnel);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size <= 1 + OFFERED_HEADER)
		return 0;
	choice = input[0];
	calls = 0;
	struct offered offered = offered_read(input + 1, size - 1, ENCAP);
	struct frame frame = {.offset = ENCAP, .encap_length = ENCAP, .length = offered.length, .next_hop = 1};

	if (geometry_from_vnet(&offered.header, offered.data, &frame) == 0) {
		frame.family = choice & CHOICE_IPV6 ? 6 : 4;
		frame.address[0] = 198;
		send_frame(&frame, offered.data);
	}
	free(offered.memory);
	return 0;
}
