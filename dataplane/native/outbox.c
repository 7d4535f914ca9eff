#include "outbox.h"

#include <linux/udp.h>
#include <string.h>

static bool same_destination(const struct frame *a, const struct frame *b)
{
	return a->socket == b->socket && a->port == b->port && a->family == b->family && a->tos == b->tos &&
	       memcmp(a->address, b->address, a->family == 6 ? 16 : 4) == 0;
}

/* Whether a datagram of `bytes` may follow in this message: the kernel cuts it after every `each` bytes. */
static bool takes(const struct outbox *outbox, const struct message *message, const struct frame *frame,
		  uint32_t bytes)
{
	if (message->count >= outbox->segments || bytes == 0 || bytes > message->each)
		return false;
	if (message->bytes != message->count * message->each)
		return false; /* its last datagram is shorter */
	if (message->bytes + bytes > udp_payload_max(frame->family))
		return false;
	return same_destination(outbox->owners[message->first_part], frame);
}

static struct message *open_message(struct outbox *outbox, uint32_t bytes)
{
	struct message *message = &outbox->messages[outbox->count++];

	message->first_part = outbox->parts_used;
	message->parts = 0;
	message->count = 0;
	message->each = bytes;
	message->bytes = 0;
	return message;
}

static void add_part(struct outbox *outbox, struct message *message, struct frame *frame, const uint8_t *bytes,
		     uint32_t length)
{
	/* sendmmsg only reads it. */
	outbox->parts[outbox->parts_used] = (struct iovec){(uint8_t *)(uintptr_t)bytes, length};
	outbox->owners[outbox->parts_used] = frame;
	outbox->parts_used++;
	message->parts++;
	message->bytes += length;
}

uint8_t *outbox_add(struct outbox *outbox, struct frame *frame, uint32_t headers, const uint8_t *data,
		    uint32_t length)
{
	uint32_t parts = headers > 0 ? 2 : 1;
	struct message *message = outbox->count > 0 ? &outbox->messages[outbox->count - 1] : NULL;

	if (outbox->parts_used + parts > OUTBOX_PARTS || outbox->headers_used + headers > OUTBOX_HEADERS)
		return NULL;
	if (message == NULL || !takes(outbox, message, frame, headers + length)) {
		if (outbox->count == PORT_BATCH)
			return NULL;
		message = open_message(outbox, headers + length);
	}
	uint8_t *room = outbox->pool + outbox->headers_used;
	outbox->headers_used += headers;
	message->count++;
	if (headers > 0)
		add_part(outbox, message, frame, room, headers);
	add_part(outbox, message, frame, data, length);
	return room;
}

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

/* Puts one control message behind those of `space` that the header has already. */
static void add_control(struct msghdr *header, uint8_t *space, int level, int type, const void *value,
			size_t length)
{
	struct cmsghdr *control = (struct cmsghdr *)(void *)(space + header->msg_controllen);

	memset(control, 0, CMSG_SPACE(length));
	control->cmsg_level = level;
	control->cmsg_type = type;
	control->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(control), value, length);
	header->msg_control = space;
	header->msg_controllen += CMSG_SPACE(length);
}

/* Control is of zero length unless needed: Linux answers EINVAL to an empty but present one. */
static void fill_control(const struct frame *frame, struct message *message, struct msghdr *header)
{
	int tos = frame->tos;
	uint16_t each = (uint16_t)message->each;

	header->msg_control = NULL;
	header->msg_controllen = 0;
	if (tos != 0)
		add_control(header, message->control, frame->family == 6 ? IPPROTO_IPV6 : IPPROTO_IP,
			    frame->family == 6 ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos));
	if (message->count > 1)
		add_control(header, message->control, IPPROTO_UDP, UDP_SEGMENT, &each, sizeof(each));
}

void outbox_address(struct outbox *outbox, struct message *message, struct msghdr *header)
{
	const struct frame *frame = outbox->owners[message->first_part];

	fill_name(frame, &message->name, header);
	fill_control(frame, message, header);
	header->msg_iov = outbox->parts + message->first_part;
	header->msg_iovlen = message->parts;
	header->msg_flags = 0;
}

void outbox_seal(struct outbox *outbox)
{
	for (uint32_t i = 0; i < outbox->count; i++)
		outbox_address(outbox, &outbox->messages[i], &outbox->headers[i].msg_hdr);
}

void outbox_clear(struct outbox *outbox)
{
	outbox->count = 0;
	outbox->parts_used = 0;
	outbox->headers_used = 0;
}
