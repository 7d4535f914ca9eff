/* Whether IPsec lies on the way out. */
#ifndef WEFT_IPSEC_H
#define WEFT_IPSEC_H

/**
 * ipsec_outgoing_policies() - how many policies apply to what this network namespace sends, those of single sockets
 * not among them
 * Return: their number, or -errno: -EPROTONOSUPPORT (there is no XFRM in this kernel, and no module of it), -EPERM
 */
int ipsec_outgoing_policies(void);

#endif
