/*
 * Load generators of labs and benchmarks. They are C because Node's own jitter is larger than what they resolve, and
 * because a datagram each must not cost the generator more than the path that is measured.
 *
 * Each command prints JSON lines on standard output; servers print "ready" when they listen. Failures print one line on
 * standard error and exit with 1.
 */
#ifndef WEFT_LAB_TRAFFIC_H
#define WEFT_LAB_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of one request or response, and the most of one datagram. */
#define MAX_MESSAGE 65507u

/* Monotonic time in nanoseconds. */
uint64_t now_ns(void);

/* Prints `what` and the meaning of errno, and exits with 1. */
_Noreturn void fail(const char *what);

/* Prints the JSON string "ready" for whoever started this program, at once. */
void say_ready(void);

/* Connected socket of `type` (SOCK_DGRAM, SOCK_STREAM) to an IPv4 or IPv6 address. Never negative; `fail`s instead. */
int connect_to(const char *address, const char *port, int type);

/* Socket of `type` bound to `port` of all addresses, IPv4 and IPv6, and listening if it is a stream. */
int bind_to(const char *port, int type);

/* Writes or reads exactly `length` bytes. Returns 0, or -1 when the connection ended (no error when reading: errno 0). */
int write_all(int fd, const void *bytes, size_t length);
int read_all(int fd, void *bytes, size_t length);

/* The commands; `arguments` are those after the command's name, as many as traffic.c lists for it. */
void udp_send(char **arguments);
void udp_receive(char **arguments);
void echo_server(char **arguments);
void request_response(char **arguments);
void connection_server(char **arguments);
void connection_rate(char **arguments);

/* Text as a whole number from `min` to `max`; `fail`s otherwise. */
uint64_t number(const char *text, uint64_t min, uint64_t max);

#endif
