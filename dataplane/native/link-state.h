/* What only the kernel knows of a network interface. @control is any socket of the interface's network namespace. */
#ifndef WEFT_LINK_STATE_H
#define WEFT_LINK_STATE_H

/**
 * link_has_carrier() - whether the interface is up and has carrier; a TAP has it while some process has it open
 * Return: 0, 1, or -errno: -ENODEV (no such interface)
 */
int link_has_carrier(int control, const char *name);

/** An offload that is on, by its name in net/ethtool/common.c (netdev_features_strings). */
typedef void link_feature(void *context, const char *name);

/**
 * link_features() - tell every offload that is on
 * Return: 0, or -errno: -ENODEV (no such interface), -ENOMEM
 */
int link_features(int control, const char *name, link_feature *tell, void *context);

#endif
