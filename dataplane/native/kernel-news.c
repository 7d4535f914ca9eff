#include "kernel-news.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a burst may bring before it is read: a thousand containers that end at once are some ten thousand messages. */
#define RECEIVE_BUFFER (4 * 1024 * 1024)
#define DATAGRAM_SIZE (32u * 1024u)
/* All names of links that weft gives in its own namespace begin so (daemon/endpoints/names.ts). */
#define OWN_PREFIX 'w'

static int open_socket(int protocol, const int *groups, size_t count)
{
	static const int size = RECEIVE_BUFFER, on = 1;
	struct sockaddr_nl self = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd < 0)
		return -errno;
	bool failed = bind(fd, (struct sockaddr *)&self, sizeof(self)) != 0;
	for (size_t i = 0; i < count && !failed; i++)
		failed = setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(groups[i])) != 0;
	if (failed) {
		int error = -errno;
		close(fd);
		return error;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* Linux 4.2; without it only the own namespace is heard of. */
	if (protocol == NETLINK_ROUTE)
		(void)setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on));
	return fd;
}

int kernel_news_open(struct kernel_news *news)
{
	static const int ROUTE[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				    RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NSID};
	static const int RULES[] = {NFNLGRP_NFTABLES};

	news->rules = -1;
	news->route = open_socket(NETLINK_ROUTE, ROUTE, sizeof(ROUTE) / sizeof(ROUTE[0]));
	if (news->route < 0)
		return news->route;
	news->rules = open_socket(NETLINK_NETFILTER, RULES, 1);
	return 0;
}

void kernel_news_close(struct kernel_news *news)
{
	if (news->route >= 0)
		close(news->route);
	if (news->rules >= 0)
		close(news->rules);
	news->route = news->rules = -1;
}

static size_t aligned(size_t size)
{
	return (size + NLMSG_ALIGNTO - 1) & ~(size_t)(NLMSG_ALIGNTO - 1);
}

/* The value of attribute @type, at least @least bytes. Return: NULL if it is not there; *@found is its length */
static const uint8_t *find(const uint8_t *data, size_t size, unsigned int type, size_t least, size_t *found)
{
	struct nlattr attribute;

	for (size_t at = 0; at < size && size - at >= sizeof(attribute); at += aligned(attribute.nla_len)) {
		memcpy(&attribute, data + at, sizeof(attribute));
		if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > size - at)
			return NULL;
		if ((attribute.nla_type & NLA_TYPE_MASK) != type)
			continue;
		*found = attribute.nla_len - sizeof(attribute);
		return *found >= least ? data + at + sizeof(attribute) : NULL;
	}
	return NULL;
}

static void copy_u32(const uint8_t *data, size_t size, unsigned int type, void *value)
{
	size_t length;
	const uint8_t *bytes = find(data, size, type, sizeof(uint32_t), &length);

	if (bytes != NULL)
		memcpy(value, bytes, sizeof(uint32_t));
}

static void copy_name(const uint8_t *data, size_t size, unsigned int type, char name[NEWS_NAME])
{
	size_t length;
	const uint8_t *text = find(data, size, type, 1, &length);

	if (text == NULL)
		return;
	if (length > NEWS_NAME - 1)
		length = NEWS_NAME - 1;
	memcpy(name, text, length);
	name[length] = '\0';
}

static bool read_link(const uint8_t *body, size_t size, bool gone, struct news *news)
{
	struct ifinfomsg link;

	if (size < sizeof(link))
		return false;
	memcpy(&link, body, sizeof(link));
	/* Bridges tell of their ports besides, as family AF_BRIDGE. */
	if (link.ifi_family != AF_UNSPEC)
		return false;
	news->kind = gone ? NEWS_NO_LINK : NEWS_LINK;
	news->index = link.ifi_index;
	news->flags = link.ifi_flags;
	copy_u32(body + sizeof(link), size - sizeof(link), IFLA_MTU, &news->mtu);
	copy_u32(body + sizeof(link), size - sizeof(link), IFLA_MASTER, &news->master);
	copy_name(body + sizeof(link), size - sizeof(link), IFLA_IFNAME, news->name);
	return news->nsid != NEWS_OWN || news->name[0] == OWN_PREFIX;
}

/* In the own namespace there may be thousands of routes that are no business of ours. */
static bool is_ours(struct news *news)
{
	char name[IF_NAMESIZE] = "";

	if (news->nsid != NEWS_OWN)
		return true;
	if (news->index == 0 || if_indextoname((unsigned int)news->index, name) == NULL || name[0] != OWN_PREFIX)
		return false;
	memcpy(news->name, name, NEWS_NAME);
	return true;
}

static bool read_address(const uint8_t *body, size_t size, struct news *news)
{
	struct ifaddrmsg address;

	if (size < sizeof(address))
		return false;
	memcpy(&address, body, sizeof(address));
	news->kind = NEWS_ADDRESS;
	news->index = (int32_t)address.ifa_index;
	return is_ours(news);
}

static bool read_route(const uint8_t *body, size_t size, struct news *news)
{
	struct rtmsg route;

	if (size < sizeof(route))
		return false;
	memcpy(&route, body, sizeof(route));
	/* Those of the table local come and go with the addresses. */
	if (route.rtm_type != RTN_UNICAST)
		return false;
	news->kind = NEWS_ROUTE;
	copy_u32(body + sizeof(route), size - sizeof(route), RTA_OIF, &news->index);
	return is_ours(news);
}

static bool read_rules(const uint8_t *body, size_t size, struct news *news)
{
	if (size < sizeof(struct nfgenmsg))
		return false;
	news->kind = NEWS_RULES;
	/* NFTA_TABLE_NAME, NFTA_CHAIN_TABLE and NFTA_RULE_TABLE are one number. */
	copy_name(body + sizeof(struct nfgenmsg), size - sizeof(struct nfgenmsg), NFTA_TABLE_NAME, news->name);
	return true;
}

/* Return: whether it may concern us */
static bool read_message(uint16_t type, const uint8_t *body, size_t size, struct news *news)
{
	switch (type) {
	case RTM_NEWLINK:
		return read_link(body, size, false, news);
	case RTM_DELLINK:
		return read_link(body, size, true, news);
	case RTM_DELADDR:
		return read_address(body, size, news);
	case RTM_DELROUTE:
		return read_route(body, size, news);
	case RTM_DELNSID:
		news->kind = NEWS_NSID;
		if (size < aligned(sizeof(struct rtgenmsg)))
			return false;
		copy_u32(body + aligned(sizeof(struct rtgenmsg)), size - aligned(sizeof(struct rtgenmsg)), NETNSA_NSID,
			 &news->nsid);
		return true;
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE:
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELCHAIN:
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE:
		return read_rules(body, size, news);
	default:
		return false;
	}
}

static int32_t read_nsid(struct msghdr *header)
{
	int32_t nsid = NEWS_OWN;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL; part = CMSG_NXTHDR(header, part))
		if (part->cmsg_level == SOL_NETLINK && part->cmsg_type == NETLINK_LISTEN_ALL_NSID)
			memcpy(&nsid, CMSG_DATA(part), sizeof(nsid));
	return nsid;
}

static size_t read_datagram(const uint8_t *data, size_t size, int32_t nsid, struct news *out, size_t count)
{
	struct nlmsghdr header;
	size_t written = 0;

	for (size_t at = 0; at < size && size - at >= NLMSG_HDRLEN && written < count; at += aligned(header.nlmsg_len)) {
		memcpy(&header, data + at, sizeof(header));
		if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > size - at)
			break;
		memset(&out[written], 0, sizeof(out[written]));
		out[written].nsid = nsid;
		if (read_message(header.nlmsg_type, data + at + NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN,
				 &out[written]))
			written++;
	}
	/* A full batch of rules in one datagram: that there was one says it all. */
	return written;
}

size_t kernel_news_read(int fd, struct news *out, size_t count, int *more)
{
	_Alignas(struct nlmsghdr) uint8_t data[DATAGRAM_SIZE];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int32_t)) * 2];
	size_t written = 0;

	*more = 1;
	while (written < count) {
		struct sockaddr_nl from = {.nl_family = AF_NETLINK};
		struct iovec part = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr header = {.msg_name = &from,
					.msg_namelen = sizeof(from),
					.msg_iov = &part,
					.msg_iovlen = 1,
					.msg_control = control,
					.msg_controllen = sizeof(control)};
		ssize_t size = recvmsg(fd, &header, 0);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno == ENOBUFS) {
			out[written++] = (struct news){.kind = NEWS_LOST, .nsid = NEWS_OWN};
			continue;
		}
		if (size <= 0) {
			*more = 0;
			break;
		}
		/* 0 is the kernel; other processes may send to us too. */
		if (from.nl_pid != 0)
			continue;
		written += read_datagram(data, (size_t)size, read_nsid(&header), out + written, count - written);
	}
	return written;
}
