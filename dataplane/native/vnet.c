#include "vnet.h"

#include <string.h>

static uint16_t get_le16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static void put_le16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value & 0xff);
	bytes[1] = (uint8_t)(value >> 8);
}

void vnet_decode(const uint8_t bytes[VNET_HEADER], struct vnet *header)
{
	header->flags = bytes[0];
	header->gso_type = bytes[1];
	header->header_length = get_le16(bytes + 2);
	header->gso_size = get_le16(bytes + 4);
	header->csum_start = get_le16(bytes + 6);
	header->csum_offset = get_le16(bytes + 8);
}

void vnet_encode(const struct vnet *header, uint8_t bytes[VNET_HEADER])
{
	bytes[0] = header->flags;
	bytes[1] = header->gso_type;
	put_le16(bytes + 2, header->header_length);
	put_le16(bytes + 4, header->gso_size);
	put_le16(bytes + 6, header->csum_start);
	put_le16(bytes + 8, header->csum_offset);
	memset(bytes + 10, 0, VNET_HEADER - 10);
}
