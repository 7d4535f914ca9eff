/* What only the kernel knows of a network interface. */
#ifndef WEFT_LINK_STATE_H
#define WEFT_LINK_STATE_H

/**
 * link_has_carrier() - whether the interface is up and has carrier; a TAP has it while some process has it open
 * @control: any socket of the interface's network namespace
 * Return: 0, 1, or -errno: -ENODEV (no such interface)
 */
int link_has_carrier(int control, const char *name);

#endif
