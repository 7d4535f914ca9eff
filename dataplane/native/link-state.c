#include "link-state.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* The kernel groups features by 32: struct ethtool_get_features_block. */
#define BLOCK_BITS 32u

/* Return: 0, or -errno */
static int ask(int control, const char *name, void *command)
{
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	request.ifr_data = command;
	return ioctl(control, SIOCETHTOOL, &request) == 0 ? 0 : -errno;
}

int link_has_carrier(int control, const char *name)
{
	/* Not IFF_RUNNING, which follows the loss of a carrier only after up to a second (net/core/link_watch.c). */
	struct ethtool_value value = {.cmd = ETHTOOL_GLINK};
	int error = ask(control, name, &value);

	return error != 0 ? error : value.data != 0;
}

/* Return: how many features this kernel has names for, or -errno */
static int count_features(int control, const char *name)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t count;
	} set = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = UINT64_C(1) << ETH_SS_FEATURES}};
	int error = ask(control, name, &set);

	if (error != 0)
		return error;
	return set.info.sset_mask == 0 || set.count > UINT16_MAX ? -EOPNOTSUPP : (int)set.count;
}

static int tell_active(int control, const char *name, struct ethtool_gstrings *names,
		       struct ethtool_gfeatures *features, link_feature *tell, void *context)
{
	int error = ask(control, name, names);

	if (error == 0)
		error = ask(control, name, features);
	if (error != 0)
		return error;
	for (uint32_t i = 0; i < names->len && i / BLOCK_BITS < features->size; i++) {
		char feature[ETH_GSTRING_LEN + 1] = "";
		if ((features->features[i / BLOCK_BITS].active >> (i % BLOCK_BITS) & 1) == 0)
			continue;
		memcpy(feature, names->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		tell(context, feature);
	}
	return 0;
}

int link_features(int control, const char *name, link_feature *tell, void *context)
{
	int count = count_features(control, name);

	if (count < 0)
		return count;
	uint32_t blocks = ((uint32_t)count + BLOCK_BITS - 1) / BLOCK_BITS;
	struct ethtool_gstrings *names = calloc(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	struct ethtool_gfeatures *features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	int error = -ENOMEM;
	if (names != NULL && features != NULL) {
		names->cmd = ETHTOOL_GSTRINGS;
		names->string_set = ETH_SS_FEATURES;
		names->len = (uint32_t)count;
		features->cmd = ETHTOOL_GFEATURES;
		features->size = blocks;
		error = tell_active(control, name, names, features, tell, context);
	}
	free(features);
	free(names);
	return error;
}
