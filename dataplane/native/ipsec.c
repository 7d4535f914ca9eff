#include "ipsec.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A message of XFRM_MSG_GETSPDINFO and of its answer begins so (net/xfrm/xfrm_user.c, xfrm_get_spdinfo). */
struct message {
	struct nlmsghdr header;
	uint32_t flags;
};

/* Return: the attribute's number of outgoing policies, or -EBADMSG if it is not in the answer */
static int outgoing_of(const uint8_t *answer, size_t length)
{
	size_t at = sizeof(struct message);
	struct rtattr attribute;
	struct xfrmu_spdinfo info;

	while (at + sizeof(attribute) <= length) {
		memcpy(&attribute, answer + at, sizeof(attribute));
		if (attribute.rta_len < sizeof(attribute) || attribute.rta_len > length - at)
			break;
		if (attribute.rta_type == XFRMA_SPD_INFO && attribute.rta_len >= RTA_LENGTH(sizeof(info))) {
			memcpy(&info, answer + at + RTA_LENGTH(0), sizeof(info));
			return info.outcnt <= INT_MAX ? (int)info.outcnt : INT_MAX;
		}
		at += RTA_ALIGN(attribute.rta_len);
	}
	return -EBADMSG;
}

static int read_answer(const uint8_t *answer, size_t length)
{
	struct nlmsghdr header;
	struct nlmsgerr error;

	if (length < sizeof(header))
		return -EBADMSG;
	memcpy(&header, answer, sizeof(header));
	if (header.nlmsg_len > length)
		return -EBADMSG;
	if (header.nlmsg_type == XFRM_MSG_NEWSPDINFO)
		return outgoing_of(answer, header.nlmsg_len);
	if (header.nlmsg_type != NLMSG_ERROR || header.nlmsg_len < NLMSG_LENGTH(sizeof(error)))
		return -EBADMSG;
	memcpy(&error, answer + NLMSG_LENGTH(0), sizeof(error));
	return error.error < 0 ? error.error : -EBADMSG;
}

static int ask(int fd)
{
	struct message request = {.header = {.nlmsg_len = sizeof(request),
					     .nlmsg_type = XFRM_MSG_GETSPDINFO,
					     .nlmsg_flags = NLM_F_REQUEST}};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	uint8_t answer[512];

	if (sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	/* The kernel answers within the call: what is not there by now never comes. */
	ssize_t length = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
	return length < 0 ? -errno : read_answer(answer, (size_t)length);
}

int ipsec_outgoing_policies(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);

	if (fd < 0)
		return -errno;
	int policies = ask(fd);
	close(fd);
	return policies;
}
