#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "udp.h"

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* With CAP_NET_ADMIN past net.core.rmem_max, without it up to there. Return: bytes granted, or -errno */
static int size_buffer(int fd, int forced, int plain, int bytes)
{
	int granted = 0;
	socklen_t length = sizeof(granted);

	if (set_option(fd, SOL_SOCKET, forced, bytes) != 0) {
		int error = set_option(fd, SOL_SOCKET, plain, bytes);
		if (error != 0)
			return error;
	}
	if (getsockopt(fd, SOL_SOCKET, plain, &granted, &length) != 0)
		return -errno;
	/* socket(7): the kernel doubles the value and returns the doubled one. */
	return granted / 2;
}

/*
 * RFC 7348 section 4.3: "VTEPs MUST NOT fragment VXLAN packets." PMTUDISC_DO sets DF and refuses with
 * EMSGSIZE what does not fit; for IPv6 it and DONTFRAG keep the kernel from fragmenting at the source.
 */
static int forbid_fragments(int fd, uint8_t family)
{
	if (family == 4)
		return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	int error = set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
	return error != 0 ? error : set_option(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
}

/* Return: a socket with DF set, not bound; or -errno */
static int open_socket(uint8_t family)
{
	int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	int error = family == 6 ? set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
	if (error == 0)
		error = forbid_fragments(fd, family);
	if (error != 0) {
		close(fd);
		return error;
	}
	return fd;
}

static int bind_socket(int fd, const struct udp_options *options, uint16_t port)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	int result;

	if (options->family == 4) {
		memcpy(&v4.sin_addr, options->address, 4);
		result = bind(fd, (const struct sockaddr *)&v4, sizeof(v4));
	} else {
		memcpy(&v6.sin6_addr, options->address, 16);
		result = bind(fd, (const struct sockaddr *)&v6, sizeof(v6));
	}
	return result == 0 ? 0 : -errno;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_in6 name = {0};
	socklen_t length = sizeof(name);

	getsockname(fd, (struct sockaddr *)&name, &length);
	return ntohs(name.sin6_port); /* sin_port lies at the same place */
}

/* Return: the port that a socket is bound to; 0 if it is no UDP socket of the address of `options` */
static uint16_t port_at_address(int fd, const struct udp_options *options)
{
	struct sockaddr_in6 name = {0};
	socklen_t length = sizeof(name);
	int type = 0;
	socklen_t type_length = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0 || type != SOCK_DGRAM ||
	    getsockname(fd, (struct sockaddr *)&name, &length) != 0 ||
	    name.sin6_family != (options->family == 4 ? AF_INET : AF_INET6))
		return 0;
	struct sockaddr_in v4;
	memcpy(&v4, &name, sizeof(v4));
	bool same = options->family == 4 ? memcmp(&v4.sin_addr, options->address, 4) == 0
					 : memcmp(&name.sin6_addr, options->address, 16) == 0;
	return same ? ntohs(name.sin6_port) : 0; /* sin_port lies at the same place */
}

/* The first passed socket that is bound to `port`; 0: to any that can be a source. Return: a socket, or -1 */
static int take_passed(struct udp_options *options, uint16_t port)
{
	for (uint16_t i = 0; i < options->passed_count; i++) {
		int fd = options->passed[i];
		uint16_t bound = fd < 0 ? 0 : port_at_address(fd, options);
		if (bound == 0 || (port != 0 ? bound != port : bound < UDP_SOURCE_PORT_MIN || bound == options->port))
			continue;
		options->passed[i] = -1;
		return fd;
	}
	return -1;
}

void udp_close_passed(struct udp_options *options)
{
	for (uint16_t i = 0; i < options->passed_count; i++)
		if (options->passed[i] >= 0)
			close(options->passed[i]);
	options->passed_count = 0;
}

static uint32_t dropped_so_far(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t length = sizeof(memory);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length) == 0 ? memory[SK_MEMINFO_DROPS] : 0;
}

/*
 * UDP_GRO is usable from 5.12 on, where it can be read back. Refused, it is off, and each datagram is a message of its
 * own.
 */
static bool turn_gro_on(int fd, const struct udp_options *options)
{
	int on = 0;
	socklen_t length = sizeof(on);

	if (options->injected_gro_probe != 0 || set_option(fd, SOL_UDP, UDP_GRO, 1) != 0)
		return false;
	if (getsockopt(fd, SOL_UDP, UDP_GRO, &on, &length) == 0 && on == 1)
		return true;
	set_option(fd, SOL_UDP, UDP_GRO, 0);
	return false;
}

/*
 * The first socket of a group binds without SO_REUSEPORT, and gets it afterwards: so it is refused where the port is
 * taken, also by another daemon's group.
 */
static int bind_receive_socket(int fd, const struct udp_options *options)
{
	int error = 0;

	if (options->share == UDP_JOINS)
		error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (error == 0)
		error = bind_socket(fd, options, options->port);
	if (error == 0 && options->share == UDP_FOUNDS)
		error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	return error;
}

static int open_receive_socket(struct udp *udp, struct udp_options *options)
{
	int fd = options->port == 0 ? -1 : take_passed(options, options->port);
	bool passed = fd >= 0;

	if (!passed)
		fd = open_socket(options->family);
	if (fd < 0)
		return fd;
	udp->fd = fd;
	/* Those of the earlier process were counted by it. */
	udp->drops = dropped_so_far(fd);
	udp->receive_buffer = size_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options->receive_buffer);
	if (udp->receive_buffer < 0)
		return udp->receive_buffer;
	int error = 0;
	if (options->family == 4)
		error = set_option(fd, IPPROTO_IP, IP_RECVTOS, 1);
	else
		error = set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	udp->inbox.gro.on = options->gro && turn_gro_on(fd, options);
	if (error == 0 && !passed)
		error = bind_receive_socket(fd, options);
	if (error == 0)
		udp->port = bound_port(fd);
	return error;
}

/* Nothing is ever read from it: drop all at the door, and keep no memory for it. */
static int refuse_all(int fd)
{
	struct sock_filter reject = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = {.len = 1, .filter = &reject};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0)
		return -errno;
	return set_option(fd, SOL_SOCKET, SO_RCVBUF, 1);
}

/* Binds to the first free port from *port on, around the range once. *port becomes the next to try. */
static int bind_to_free_port(int fd, const struct udp_options *options, uint16_t *port, uint16_t *bound)
{
	for (uint32_t tries = UDP_SOURCE_PORT_MIN; tries <= UDP_SOURCE_PORT_MAX; tries++) {
		uint16_t candidate = *port;
		*port = candidate == UDP_SOURCE_PORT_MAX ? UDP_SOURCE_PORT_MIN : (uint16_t)(candidate + 1);
		int error = bind_socket(fd, options, candidate);
		if (error == 0)
			*bound = candidate;
		if (error != -EADDRINUSE)
			return error;
	}
	return -ENOSPC;
}

static int open_source_socket(struct udp *udp, struct udp_options *options, uint16_t *port)
{
	uint16_t index = udp->source_count;
	int fd = take_passed(options, 0);
	bool passed = fd >= 0;

	if (!passed)
		fd = open_socket(options->family);
	if (fd < 0)
		return fd;
	udp->source_fds[index] = fd;
	udp->source_count++;
	udp->send_buffer = size_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options->send_buffer);
	if (udp->send_buffer < 0)
		return udp->send_buffer;
	if (passed) {
		udp->source_ports[index] = bound_port(fd);
		return 0;
	}
	int error = refuse_all(fd);
	if (error != 0)
		return error;
	return bind_to_free_port(fd, options, port, &udp->source_ports[index]);
}

/* What the probe sends: more datagrams than an older kernel cuts one send into, each different, the last one shorter. */
#define PROBE_SEGMENTS (OUTBOX_SEGMENTS_OLD + 2)
#define PROBE_BYTES 100u
#define PROBE_TOTAL (PROBE_SEGMENTS * PROBE_BYTES - 1)
/* Over the loopback they are there when the send returns, unless the machine is busy. */
#define PROBE_PATIENCE_MS 50

static uint8_t probe_byte(uint32_t at)
{
	return (uint8_t)(at * 31 + at / PROBE_BYTES);
}

/*
 * Return: 0 if all that comes back is as it was sent, also if nothing does (a firewall); -EBADMSG if not
 */
static int check_segments(int fd, bool corrupt)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint8_t bytes[PROBE_TOTAL];
	uint32_t at = 0;

	while (at < PROBE_TOTAL && poll(&ready, 1, PROBE_PATIENCE_MS) > 0) {
		uint32_t rest = PROBE_TOTAL - at;
		ssize_t expected = rest < PROBE_BYTES ? rest : PROBE_BYTES;
		if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) != expected)
			return -EBADMSG;
		if (corrupt)
			bytes[0] ^= 1;
		for (ssize_t i = 0; i < expected; i++, at++)
			if (bytes[i] != probe_byte(at))
				return -EBADMSG;
	}
	return 0;
}

/* Sends itself more datagrams at once than an older kernel cuts. Return: how many one send may have, or -errno */
static int try_segmentation(int fd, const struct udp_options *options)
{
	struct sockaddr_in6 self;
	socklen_t length = sizeof(self);
	uint8_t bytes[PROBE_TOTAL];

	for (uint32_t i = 0; i < PROBE_TOTAL; i++)
		bytes[i] = probe_byte(i);
	int error = bind_socket(fd, options, 0);
	if (error == 0)
		error = set_option(fd, IPPROTO_UDP, UDP_SEGMENT, PROBE_BYTES);
	if (error != 0)
		return error;
	if (getsockname(fd, (struct sockaddr *)&self, &length) != 0)
		return -errno;
	if (sendto(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (const struct sockaddr *)&self, length) < 0)
		return OUTBOX_SEGMENTS_OLD;
	error = check_segments(fd, options->injected_segment_probe == EBADMSG);
	return error != 0 ? error : (int)OUTBOX_SEGMENTS_MAX;
}

/*
 * Whether the kernel knows UDP_SEGMENT (Linux 4.18) and cuts right, and how many datagrams it cuts one send into: tried,
 * not derived from its version, because the larger limit was ported back to some. When nothing can be sent here (the
 * loopback is down), the smaller one holds for all.
 */
static int probe_segmentation(struct udp *udp, const struct udp_options *options)
{
	int value = 0;
	socklen_t length = sizeof(value);

	udp->outbox->segments = 1;
	if (!options->segment)
		return 0;
	int fd = open_socket(options->family);
	if (fd < 0)
		return fd;
	int result = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &length) == 0 ? 0 : -errno;
	if (options->injected_segment_probe != 0 && options->injected_segment_probe != EBADMSG)
		result = -options->injected_segment_probe;
	if (result == 0)
		result = try_segmentation(fd, options);
	close(fd);
	if (result < 0)
		udp->gso_error = -result;
	else
		udp->outbox->segments = (uint32_t)result;
	return 0;
}

/* The outer headers that are built here say what those of the kernel would. */
static int set_origin(struct udp *udp, const struct udp_options *options)
{
	struct tunnel_origin *origin = &udp->tunnel.origin;
	int limit = 0;
	socklen_t length = sizeof(limit);

	origin->family = options->family;
	memcpy(origin->address, options->address, sizeof(origin->address));
	if (getsockopt(udp->source_fds[0], options->family == 6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       options->family == 6 ? IPV6_UNICAST_HOPS : IP_TTL, &limit, &length) != 0)
		return -errno;
	origin->hop_limit = (uint8_t)limit;
	return 0;
}

static int open_all(struct udp *udp, struct udp_options *options)
{
	uint16_t port = options->first_source_port;
	int error = open_receive_socket(udp, options);

	for (uint32_t i = 0; error == 0 && i < options->source_sockets; i++)
		error = open_source_socket(udp, options, &port);
	if (error == 0)
		error = set_origin(udp, options);
	return error != 0 ? error : probe_segmentation(udp, options);
}

static bool is_in_range(const struct udp_options *options)
{
	return (options->family == 4 || options->family == 6) && options->source_sockets >= 1 &&
	       options->source_sockets <= UDP_SOURCE_SOCKETS_MAX && options->first_source_port >= UDP_SOURCE_PORT_MIN &&
	       options->passed_count <= UDP_SOCKETS_MAX;
}

int udp_open(struct udp *udp, struct udp_options *options)
{
	memset(udp, 0, sizeof(*udp));
	udp->fd = -1;
	udp->family = options->family;
	udp->inbox.encap_length = options->encap_length;
	udp->inbox.coalescer.protocols = options->coalesce;
	udp->injected_error = options->injected_segment;
	udp->inbox.gro.injected_error = options->injected_gro;
	udp->tunnel.injected_error = options->injected_tunnel;
	int error = -EINVAL;
	if (is_in_range(options)) {
		udp->outbox = calloc(1, sizeof(*udp->outbox));
		error = udp->outbox == NULL ? -ENOMEM : open_all(udp, options);
	}
	udp_close_passed(options);
	if (error != 0)
		udp_close(udp);
	return error;
}

/*
 * Not SO_RXQ_OVFL, which tells the same with each datagram: where the sender is a TCP of the same box, its skb comes
 * from skbuff_fclone_cache, out of which hardened usercopy forbids to copy. Linux 6.18 kills the thread in recvmmsg for
 * it (as CVE-2026-22977 by way of sock_recv_errqueue).
 */
void udp_count_drops(struct udp *udp, struct counters *counters)
{
	uint32_t dropped = udp->fd < 0 ? 0 : dropped_so_far(udp->fd);

	if (dropped == 0)
		return;
	/* Cumulative since the socket was made, and wraps. */
	counters->rx_queue_overflow += (double)(uint32_t)(dropped - udp->drops);
	udp->drops = dropped;
}

void udp_close(struct udp *udp)
{
	if (udp->fd >= 0)
		close(udp->fd);
	udp->fd = -1;
	for (uint32_t i = 0; i < udp->source_count; i++)
		close(udp->source_fds[i]);
	udp->source_count = 0;
	free(udp->outbox);
	udp->outbox = NULL;
	tunnel_close(&udp->tunnel);
}
