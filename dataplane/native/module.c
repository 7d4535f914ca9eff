/*
 * What JavaScript can call: one function each for the entries of batch-io.ts, which documents them. Only
 * here and in js-*.c does anything know of Node.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <node_api.h>
#include <unistd.h>

#include "geometry.h"
#include "js-coalesce.h"
#include "js-handover.h"
#include "js-kernel.h"
#include "js-memory.h"
#include "js-net.h"
#include "js-news.h"
#include "js-service.h"
#include "js-port.h"
#include "js-value.h"
#include "segment.h"
#include "steering.h"
#include "tun-open.h"
#include "unix-datagram.h"

/* Fills what JavaScript did not pass with undefined. */
static void read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments)
{
	napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
}

static napi_value call_with_path(napi_env env, napi_callback_info info, int (*function)(const char *))
{
	napi_value argument;
	napi_valuetype type;
	char path[PATH_MAX];
	size_t length;

	read_arguments(env, info, 1, &argument);
	napi_typeof(env, argument, &type);
	if (type == napi_null)
		return js_number(env, function(NULL));
	if (napi_get_value_string_utf8(env, argument, path, sizeof(path), &length) != napi_ok ||
	    strlen(path) != length || length + 1 == sizeof(path)) {
		napi_throw_type_error(env, NULL, "path");
		return NULL;
	}
	return js_number(env, function(path));
}

static napi_value open_tun(napi_env env, napi_callback_info info)
{
	return call_with_path(env, info, tun_open);
}

static napi_value open_control_socket(napi_env env, napi_callback_info info)
{
	return call_with_path(env, info, control_socket_open);
}

static napi_value open_unix_datagram(napi_env env, napi_callback_info info)
{
	return call_with_path(env, info, unix_datagram_open);
}

static napi_value check_namespace(napi_env env, napi_callback_info info)
{
	return call_with_path(env, info, namespace_check);
}

/* @function: as a system call; returns what it does, or -errno */
static napi_value call_with_fd(napi_env env, napi_callback_info info, int (*function)(int))
{
	napi_value argument;
	int64_t fd;

	read_arguments(env, info, 1, &argument);
	if (!js_integer(env, argument, "fd", 0, INT_MAX, &fd))
		return NULL;
	int result = function((int)fd);
	return js_number(env, result < 0 ? -errno : result);
}

/* Not fs.closeSync, which warns in a worker of descriptors that fs did not open. */
static napi_value close_descriptor(napi_env env, napi_callback_info info)
{
	return call_with_fd(env, info, close);
}

static int duplicate(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static napi_value duplicate_descriptor(napi_env env, napi_callback_info info)
{
	return call_with_fd(env, info, duplicate);
}

static napi_value load_steering(napi_env env, napi_callback_info info)
{
	napi_value argument;
	int64_t seed;

	read_arguments(env, info, 1, &argument);
	if (!js_integer(env, argument, "seed", 0, UINT32_MAX, &seed))
		return NULL;
	return js_number(env, steering_load((uint32_t)seed));
}

static napi_value tap_open(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	int64_t fd, reads, tso, uso, injected_tso, injected_uso;

	read_arguments(env, info, 2, arguments);
	if (!js_option(env, arguments[0], "fd", 0, INT_MAX, &fd) || !js_option(env, arguments[0], "tso", 0, 1, &tso) ||
	    !js_option(env, arguments[0], "uso", 0, 1, &uso) ||
	    !js_option(env, arguments[0], "injectedTso", 0, UINT16_MAX, &injected_tso) ||
	    !js_option(env, arguments[0], "injectedUso", 0, UINT16_MAX, &injected_uso) ||
	    !js_option(env, arguments[0], "reads", 0, 1, &reads))
		return NULL;
	struct port *port = port_create(env, arguments[1], true);
	if (port == NULL)
		return NULL;
	port->device.tap =
		(struct tap){.ring = port->ring,
			     .fd = (int)fd,
			     .tso = {.off = tso == 0, .injected_error = (int)injected_tso},
			     .uso = {.off = uso == 0, .injected_error = (int)injected_uso}};
	int64_t started = port_start(port, (int)fd, reads != 0);
	if (started < 0)
		port_discard(port);
	return js_number(env, started);
}

static bool read_address(napi_env env, napi_value object, struct udp_options *options)
{
	napi_value address;
	napi_typedarray_type type;
	size_t length = 0;
	void *bytes = NULL;

	if (napi_get_named_property(env, object, "address", &address) != napi_ok ||
	    napi_get_typedarray_info(env, address, &type, &length, &bytes, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array || (length != 4 && length != 16)) {
		napi_throw_type_error(env, NULL, "address");
		return false;
	}
	options->family = length == 4 ? 4 : 6;
	memcpy(options->address, bytes, length);
	return true;
}

static bool read_passed(napi_env env, napi_value object, struct udp_options *options)
{
	napi_value array;
	uint32_t count = 0;

	if (napi_get_named_property(env, object, "passed", &array) != napi_ok ||
	    napi_get_array_length(env, array, &count) != napi_ok || count > UDP_SOCKETS_MAX) {
		napi_throw_range_error(env, NULL, "passed");
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		napi_value element;
		int64_t fd;
		if (napi_get_element(env, array, i, &element) != napi_ok ||
		    !js_integer(env, element, "passed", 0, INT_MAX, &fd))
			return false;
		options->passed[i] = (int)fd;
	}
	options->passed_count = (uint16_t)count;
	return true;
}

static bool read_udp_options(napi_env env, napi_value object, struct udp_options *options)
{
	int64_t port, sockets, first, receive, send, encap, segment, gro, coalesce, share;
	int64_t injected_segment, injected_segment_probe, injected_gro, injected_gro_probe, injected_tunnel;

	if (!js_option(env, object, "port", 0, UINT16_MAX, &port) ||
	    !js_option(env, object, "sourceSockets", 1, UDP_SOURCE_SOCKETS_MAX, &sockets) ||
	    !js_option(env, object, "firstSourcePort", UDP_SOURCE_PORT_MIN, UDP_SOURCE_PORT_MAX, &first) ||
	    !js_option(env, object, "receiveBuffer", 1, INT_MAX / 2, &receive) ||
	    !js_option(env, object, "sendBuffer", 1, INT_MAX / 2, &send) ||
	    !js_option(env, object, "encapLength", 0, UINT16_MAX, &encap) ||
	    !js_option(env, object, "segment", 0, 1, &segment) || !js_option(env, object, "gro", 0, 1, &gro) ||
	    !js_option(env, object, "coalesce", 0, COALESCE_TCP | COALESCE_UDP, &coalesce) ||
	    !js_option(env, object, "share", UDP_ALONE, UDP_JOINS, &share) ||
	    !js_option(env, object, "injectedSegment", 0, UINT16_MAX, &injected_segment) ||
	    !js_option(env, object, "injectedSegmentProbe", 0, UINT16_MAX, &injected_segment_probe) ||
	    !js_option(env, object, "injectedGro", 0, UINT16_MAX, &injected_gro) ||
	    !js_option(env, object, "injectedGroProbe", 0, UINT16_MAX, &injected_gro_probe) ||
	    !js_option(env, object, "injectedTunnel", 0, UINT16_MAX, &injected_tunnel))
		return false;
	*options = (struct udp_options){.port = (uint16_t)port,
					.source_sockets = (uint16_t)sockets,
					.first_source_port = (uint16_t)first,
					.receive_buffer = (int)receive,
					.send_buffer = (int)send,
					.encap_length = (uint16_t)encap,
					.segment = segment != 0,
					.gro = gro != 0,
					.coalesce = (uint8_t)coalesce,
					.share = (enum udp_share)share,
					.injected_segment = (int)injected_segment,
					.injected_segment_probe = (int)injected_segment_probe,
					.injected_gro = (int)injected_gro,
					.injected_gro_probe = (int)injected_gro_probe,
					.injected_tunnel = (int)injected_tunnel};
	/* Last: from then on they are to be closed. */
	return read_address(env, object, options) && read_passed(env, object, options);
}

/* Return: the handle, or -errno with nothing left open */
static int64_t start_udp(struct port *port, struct udp_options *options)
{
	/* The datagram must not begin before its slot. */
	if (options->encap_length > port->frame_start) {
		udp_close_passed(options);
		return -EINVAL;
	}
	int error = udp_open(&port->device.udp, options);
	if (error != 0)
		return error;
	port->device.udp.ring = port->ring;
	port->device.udp.tunnel.ring = port->ring;
	int64_t started = port_start(port, port->device.udp.fd, true);
	if (started < 0)
		udp_close(&port->device.udp);
	return started;
}

static napi_value open_udp(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct udp_options options;

	read_arguments(env, info, 2, arguments);
	if (!read_udp_options(env, arguments[0], &options))
		return NULL;
	struct port *port = port_create(env, arguments[1], false);
	if (port == NULL)
		return NULL;
	int64_t started = start_udp(port, &options);
	struct memory memory;
	if (started < 0)
		port_discard(port);
	else if (port_memory(port, &memory))
		memory.counters->tx_gso_error = port->device.udp.gso_error;
	return js_number(env, started);
}

/* [port, granted receive buffer, granted send buffer, datagrams of one send, is UDP_GRO on, source ports …] */
static napi_value udp_info(napi_env env, napi_callback_info info)
{
	napi_value argument, array = NULL;

	read_arguments(env, info, 1, &argument);
	struct port *port = port_find(env, argument);
	if (port == NULL || port->is_tap || napi_create_array(env, &array) != napi_ok)
		return array;
	const struct udp *udp = &port->device.udp;
	napi_set_element(env, array, 0, js_number(env, udp->port));
	napi_set_element(env, array, 1, js_number(env, udp->receive_buffer));
	napi_set_element(env, array, 2, js_number(env, udp->send_buffer));
	napi_set_element(env, array, 3, js_number(env, udp->outbox->segments));
	napi_set_element(env, array, 4, js_number(env, udp->inbox.gro.on));
	napi_set_element(env, array, 5, js_number(env, ring_is_usable(udp->ring)));
	for (uint32_t i = 0; i < udp->source_count; i++)
		napi_set_element(env, array, 6 + i, js_number(env, udp->source_ports[i]));
	return array;
}

/* [receive socket, source sockets …]; they stay the port's */
static napi_value udp_descriptors(napi_env env, napi_callback_info info)
{
	napi_value argument, array = NULL;

	read_arguments(env, info, 1, &argument);
	struct port *port = port_find(env, argument);
	if (port == NULL || port->is_tap || napi_create_array(env, &array) != napi_ok)
		return array;
	const struct udp *udp = &port->device.udp;
	napi_set_element(env, array, 0, js_number(env, udp->fd));
	for (uint32_t i = 0; i < udp->source_count; i++)
		napi_set_element(env, array, 1 + i, js_number(env, udp->source_fds[i]));
	return array;
}

/*
 * Descriptors first … first + count - 1 of a batch that JavaScript owns. NULL with RangeError pending if
 * outside.
 */
static struct frame *read_frames(napi_env env, napi_value batch, napi_value first, napi_value count,
				 uint32_t *number)
{
	struct span memory = js_memory(env, batch);
	int64_t capacity = (int64_t)(memory.size / sizeof(struct frame));
	int64_t from, frames;

	if (memory.data == NULL) {
		napi_throw_range_error(env, NULL, "batch");
		return NULL;
	}
	if (!js_integer(env, first, "first", 0, capacity, &from) ||
	    !js_integer(env, count, "count", 0, capacity - from, &frames))
		return NULL;
	*number = (uint32_t)frames;
	return (struct frame *)(void *)memory.data + from;
}

static napi_value transmit(napi_env env, napi_callback_info info)
{
	napi_value arguments[4];
	struct memory memory;
	uint32_t count;

	read_arguments(env, info, 4, arguments);
	struct port *port = port_find(env, arguments[0]);
	if (port == NULL)
		return js_number(env, -EBADF);
	struct frame *frames = read_frames(env, arguments[1], arguments[2], arguments[3], &count);
	if (frames == NULL)
		return NULL;
	if (!port_memory(port, &memory))
		return js_number(env, -EFAULT);
	if (port->is_tap)
		tap_write(&port->device.tap, &memory.slots.arena, &memory.pieces, frames, count, memory.counters);
	else
		udp_send(&port->device.udp, &memory.slots.arena, frames, count, memory.counters);
	return js_number(env, 0);
}

static napi_value udp_set_next_hops(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];

	read_arguments(env, info, 2, arguments);
	struct port *port = port_find(env, arguments[0]);
	if (port == NULL || port->is_tap)
		return js_number(env, -EBADF);
	struct span table = js_memory(env, arguments[1]);
	if (table.data == NULL && table.size > 0)
		return js_number(env, -EFAULT);
	int result = tunnel_set_hops(&port->device.udp.tunnel, table.data, table.size);
	struct memory memory;
	/* A loss from now on is a new one, also if the next send brings it. */
	if (result == 0 && port_memory(port, &memory)) {
		memory.counters->tx_tunnel_error = 0;
		memory.counters->tx_tunnel_lost = 0;
	}
	return js_number(env, result);
}

static napi_value count_drops(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct memory memory;

	read_arguments(env, info, 1, &argument);
	struct port *port = port_find(env, argument);
	if (port != NULL && !port->is_tap && port_memory(port, &memory))
		udp_count_drops(&port->device.udp, memory.counters);
	return NULL;
}

static napi_value close_port(napi_env env, napi_callback_info info)
{
	napi_value argument;

	read_arguments(env, info, 1, &argument);
	struct port *port = port_find(env, argument);
	if (port != NULL)
		port_close(port);
	return NULL;
}

/* holdPorts(1): no port of this thread is served; holdPorts(0): as before. */
static napi_value hold_ports(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct module *module;
	int64_t held;

	read_arguments(env, info, 1, &argument);
	if (js_integer(env, argument, "held", 0, 1, &held) &&
	    napi_get_instance_data(env, (void **)&module) == napi_ok)
		waiter_hold(&module->waiter, held != 0);
	return NULL;
}

static napi_value complete_checksum(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	int64_t index;

	read_arguments(env, info, 3, arguments);
	struct span arena = js_memory(env, arguments[0]);
	struct span batch = js_memory(env, arguments[1]);
	int64_t capacity = (int64_t)(batch.size / sizeof(struct frame));
	if (arena.data == NULL || batch.data == NULL) {
		napi_throw_range_error(env, NULL, "arena or batch");
		return NULL;
	}
	if (!js_integer(env, arguments[2], "index", 0, capacity - 1, &index))
		return NULL;
	struct frame *frame = (struct frame *)(void *)batch.data + index;
	return js_number(env, -geometry_complete_checksum(frame, arena.data, arena.size));
}

/*
 * Segment after segment, with the encapsulation before each, as they would be sent; for the tests of
 * segment.c.
 */
static napi_value segment_frame(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	struct segmenter segmenter;
	uint32_t count;
	uint16_t header_length;

	read_arguments(env, info, 3, arguments);
	struct span arena = js_memory(env, arguments[0]);
	struct span out = js_memory(env, arguments[2]);
	if (arena.data == NULL || out.data == NULL) {
		napi_throw_range_error(env, NULL, "arena or out");
		return NULL;
	}
	struct frame *frame = read_frames(env, arguments[1], js_number(env, 0), js_number(env, 1), &count);
	if (frame == NULL)
		return NULL;
	if (geometry_bounds(frame, arena.size) != 0 || frame->gso_type == FRAME_GSO_NONE ||
	    geometry_offload(frame, arena.data + frame->offset, &header_length) != 0)
		return js_number(env, -EINVAL);
	segmenter_open(&segmenter, frame, arena.data + frame->offset, header_length);
	size_t total = (size_t)segmenter.count * segmenter.header_length + segmenter.payload_length;
	if (out.size < total)
		return js_number(env, -ENOBUFS);
	uint8_t *at = out.data;
	for (uint32_t i = 0; i < segmenter.count; i++) {
		segment_headers(&segmenter, i, at);
		at += segmenter.header_length;
		memcpy(at, segmenter.payload + i * segmenter.gso_size, segment_length(&segmenter, i));
		at += segment_length(&segmenter, i);
	}
	return js_number(env, (int64_t)total);
}

static void export_layout(napi_env env, napi_value exports)
{
	static const struct {
		const char *name;
		size_t value;
	} FIELDS[] = {
		{"FRAME_SIZE", sizeof(struct frame)},
		{"FRAME_OFFSET", offsetof(struct frame, offset)},
		{"FRAME_LENGTH", offsetof(struct frame, length)},
		{"FRAME_GSO_TYPE", offsetof(struct frame, gso_type)},
		{"FRAME_FLAGS", offsetof(struct frame, flags)},
		{"FRAME_GSO_SIZE", offsetof(struct frame, gso_size)},
		{"FRAME_HEADER_LENGTH", offsetof(struct frame, header_length)},
		{"FRAME_CSUM_START", offsetof(struct frame, csum_start)},
		{"FRAME_CSUM_OFFSET", offsetof(struct frame, csum_offset)},
		{"FRAME_ENCAP_LENGTH", offsetof(struct frame, encap_length)},
		{"FRAME_SOCKET", offsetof(struct frame, socket)},
		{"FRAME_PORT", offsetof(struct frame, port)},
		{"FRAME_FAMILY", offsetof(struct frame, family)},
		{"FRAME_TOS", offsetof(struct frame, tos)},
		{"FRAME_STATUS", offsetof(struct frame, status)},
		{"FRAME_ADDRESS", offsetof(struct frame, address)},
		{"FRAME_FIRST_PIECE", offsetof(struct frame, first_piece)},
		{"FRAME_PIECE_COUNT", offsetof(struct frame, piece_count)},
		{"FRAME_NEXT_HOP", offsetof(struct frame, next_hop)},
	};
	napi_value layout;

	napi_create_object(env, &layout);
	for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++)
		napi_set_named_property(env, layout, FIELDS[i].name, js_number(env, (int64_t)FIELDS[i].value));
	napi_set_named_property(env, exports, "frameLayout", layout);
}

static void export_counter_names(napi_env env, napi_value exports)
{
	static const char *const NAMES[COUNTER_COUNT] = {COUNTER_NAMES};
	napi_value names, name;

	napi_create_array(env, &names);
	for (uint32_t i = 0; i < COUNTER_COUNT; i++) {
		napi_create_string_utf8(env, NAMES[i], NAPI_AUTO_LENGTH, &name);
		napi_set_element(env, names, i, name);
	}
	napi_set_named_property(env, exports, "counterNames", names);
}

NAPI_MODULE_INIT()
{
	static const napi_property_descriptor FUNCTIONS[] = {
		{"openTun", NULL, open_tun, NULL, NULL, NULL, napi_enumerable, NULL},
		{"openControlSocket", NULL, open_control_socket, NULL, NULL, NULL, napi_enumerable, NULL},
		{"openUnixDatagram", NULL, open_unix_datagram, NULL, NULL, NULL, napi_enumerable, NULL},
		{"openServiceSocket", NULL, js_open_service_socket, NULL, NULL, NULL, napi_enumerable, NULL},
		{"checkNamespace", NULL, check_namespace, NULL, NULL, NULL, napi_enumerable, NULL},
		{"closeDescriptor", NULL, close_descriptor, NULL, NULL, NULL, napi_enumerable, NULL},
		{"duplicateDescriptor", NULL, duplicate_descriptor, NULL, NULL, NULL, napi_enumerable, NULL},
		{"hasCarrier", NULL, js_has_carrier, NULL, NULL, NULL, napi_enumerable, NULL},
		{"linkFeatures", NULL, js_link_features, NULL, NULL, NULL, napi_enumerable, NULL},
		{"ipsecPolicies", NULL, js_ipsec_policies, NULL, NULL, NULL, napi_enumerable, NULL},
		{"createArena", NULL, js_create_arena, NULL, NULL, NULL, napi_enumerable, NULL},
		{"changeNet", NULL, js_change_net, NULL, NULL, NULL, napi_enumerable, NULL},
		{"openKernelNews", NULL, js_open_kernel_news, NULL, NULL, NULL, napi_enumerable, NULL},
		{"closeKernelNews", NULL, js_close_kernel_news, NULL, NULL, NULL, napi_enumerable, NULL},
		{"notifyService", NULL, js_notify_service, NULL, NULL, NULL, napi_enumerable, NULL},
		{"tellService", NULL, js_tell_service, NULL, NULL, NULL, napi_enumerable, NULL},
		{"adoptDescriptor", NULL, js_adopt_descriptor, NULL, NULL, NULL, napi_enumerable, NULL},
		{"socketPair", NULL, js_socket_pair, NULL, NULL, NULL, napi_enumerable, NULL},
		{"takeDescriptor", NULL, js_take_descriptor, NULL, NULL, NULL, napi_enumerable, NULL},
		{"outliveParent", NULL, js_outlive_parent, NULL, NULL, NULL, napi_enumerable, NULL},
		{"threadTime", NULL, js_thread_time, NULL, NULL, NULL, napi_enumerable, NULL},
		{"loadSteering", NULL, load_steering, NULL, NULL, NULL, napi_enumerable, NULL},
		{"tapOpen", NULL, tap_open, NULL, NULL, NULL, napi_enumerable, NULL},
		{"udpOpen", NULL, open_udp, NULL, NULL, NULL, napi_enumerable, NULL},
		{"udpDescriptors", NULL, udp_descriptors, NULL, NULL, NULL, napi_enumerable, NULL},
		{"udpInfo", NULL, udp_info, NULL, NULL, NULL, napi_enumerable, NULL},
		{"transmit", NULL, transmit, NULL, NULL, NULL, napi_enumerable, NULL},
		{"udpSetNextHops", NULL, udp_set_next_hops, NULL, NULL, NULL, napi_enumerable, NULL},
		{"countDrops", NULL, count_drops, NULL, NULL, NULL, napi_enumerable, NULL},
		{"holdPorts", NULL, hold_ports, NULL, NULL, NULL, napi_enumerable, NULL},
		{"closePort", NULL, close_port, NULL, NULL, NULL, napi_enumerable, NULL},
		{"completeChecksum", NULL, complete_checksum, NULL, NULL, NULL, napi_enumerable, NULL},
		{"segmentFrame", NULL, segment_frame, NULL, NULL, NULL, napi_enumerable, NULL},
		{"coalesce", NULL, js_coalesce, NULL, NULL, NULL, napi_enumerable, NULL},
	};

	if (!module_create(env))
		return NULL;
	napi_define_properties(env, exports, sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]), FUNCTIONS);
	export_layout(env, exports);
	export_counter_names(env, exports);
	return exports;
}
