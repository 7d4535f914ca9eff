/*
 * libFuzzer target: what stands before an injected frame, for any frame that a TAP could hand over. The first byte chooses
 * the outer family and whether the outer packet is too long for its path; then offered.h. The injector is a pipe, so that
 * what was written can be looked at.
 */
#include <fcntl.h>
#include <unistd.h>

#include "checksum.h"
#include "geometry.h"
#include "offered.h"
#include "packet.h"
#include "require.h"
#include "tunnel.h"

#define ENCAP 8u
#define UDP_HEADER 8u
#define MTU_SMALL 100u
#define PIPE_BYTES (128 * 1024)

static uint16_t le16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

/* The sum over a whole outer datagram with its pseudo header, as a receiver makes it; 0xffff if all is right. */
static uint16_t udp_sum(const uint8_t *ip, uint32_t ip_header, uint32_t length)
{
	size_t addresses = ip_header == 40 ? 32 : 8;
	uint8_t pseudo[4] = {(uint8_t)(length >> 8), (uint8_t)length, 0, PACKET_UDP};
	uint64_t sum = checksum_sum(ip + ip_header - addresses, addresses);

	return checksum_fold(sum + checksum_sum(pseudo, sizeof(pseudo)) + checksum_sum(ip + ip_header, length));
}

static void check_written(uint8_t *bytes, size_t length, const struct frame *frame, uint8_t family, uint32_t segments)
{
	uint32_t ip_header = tunnel_ip_header(family);
	uint8_t *ethernet = bytes + TUNNEL_VNET_HEADER;
	uint8_t *ip = ethernet + ETHERNET_HEADER;
	uint32_t udp_length = UDP_HEADER + ENCAP + frame->length;
	uint32_t start = le16(bytes + 6);
	uint32_t field = le16(bytes + 8);

	REQUIRE(length == TUNNEL_VNET_HEADER + ETHERNET_HEADER + ip_header + udp_length);
	REQUIRE(bytes[0] & 1);
	REQUIRE(start + field + 2 <= length - TUNNEL_VNET_HEADER && start % 2 == 0);
	REQUIRE(le16(bytes + 2) <= length - TUNNEL_VNET_HEADER);
	REQUIRE(get_be16(ip + ip_header + UDP_LENGTH) == udp_length);
	if (family == 4)
		REQUIRE(checksum_sum(ip, ip_header) == 0xffff && get_be16(ip + IPV4_TOTAL_LENGTH) == ip_header + udp_length);
	if (segments > 1) {
		REQUIRE((bytes[1] & 0x60) == (family == 6 ? 0x40 : 0x20) && bytes[0] & 8);
		REQUIRE(le16(bytes + 20) == ETHERNET_HEADER + ip_header);
		REQUIRE(le16(bytes + 22) == ETHERNET_HEADER + ip_header + UDP_HEADER + ENCAP + ETHERNET_HEADER);
		return;
	}
	REQUIRE(bytes[1] == 0 && !(bytes[0] & 8));
	/* As the kernel or a card finishes it. */
	checksum_complete(ethernet + start, length - TUNNEL_VNET_HEADER - start, field);
	REQUIRE(get_be16(ip + ip_header + UDP_CHECKSUM) != 0);
	REQUIRE(udp_sum(ip, ip_header, udp_length) == 0xffff);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static int pipes[2] = {-1, -1};
	struct counters counters = {0};

	if (pipes[0] < 0)
		REQUIRE(pipe2(pipes, O_NONBLOCK) == 0 && fcntl(pipes[1], F_SETPIPE_SZ, PIPE_BYTES) >= PIPE_BYTES);
	if (size <= 1 + OFFERED_HEADER)
		return 0;
	uint8_t choice = input[0];
	struct offered offered = offered_read(input + 1, size - 1, ENCAP);
	struct frame frame = {.offset = ENCAP, .encap_length = ENCAP, .length = offered.length, .next_hop = 1};

	if (geometry_from_vnet(&offered.header, offered.data, &frame) == 0) {
		uint8_t family = choice & 1 ? 6 : 4;
		struct tunnel_hop hop = {.fd = pipes[1], .mtu = choice & 2 ? MTU_SMALL : 65535};
		struct tunnel tunnel = {.origin = {.family = family, .hop_limit = 64, .address = {192, 0, 2, 1}}};
		REQUIRE(tunnel_set_hops(&tunnel, (const uint8_t *)&hop, sizeof(hop)) == 0);
		int result = tunnel_send(&tunnel, &frame, offered.data, 50000, &counters);
		if (result == 0) {
			static uint8_t written[TUNNEL_HEADERS_MAX + ENCAP + FRAME_MAX_LENGTH];
			ssize_t length = read(pipes[0], written, sizeof(written));
			REQUIRE(length > 0 && counters.tx_tunnel_frames == 1);
			check_written(written, (size_t)length, &frame, family, (uint32_t)counters.tx_segments);
		} else {
			REQUIRE(counters.tx_tunnel_frames == 0 && tunnel.error == 0);
		}
		tunnel_close(&tunnel);
	}
	free(offered.memory);
	return 0;
}
