#include "link-state.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

int link_has_carrier(int control, const char *name)
{
	/* Not IFF_RUNNING, which follows the loss of a carrier only after up to a second (net/core/link_watch.c). */
	struct ethtool_value value = {.cmd = ETHTOOL_GLINK};
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	request.ifr_data = (void *)&value;
	return ioctl(control, SIOCETHTOOL, &request) == 0 ? value.data != 0 : -errno;
}
