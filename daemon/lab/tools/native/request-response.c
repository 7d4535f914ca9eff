/*
 * Request and response over one TCP connection, one outstanding: the round trip as a program sees it, from the write of
 * a request to the end of the read of its response.
 */
#include "traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for a minute of the fastest loopback; 16 MB that are touched only as far as they are used. */
#define MAX_SAMPLES 4000000u

void echo_server(char **arguments)
{
	static char message[MAX_MESSAGE];
	const size_t bytes = number(arguments[1], 1, MAX_MESSAGE);
	const int listener = bind_to(arguments[0], SOCK_STREAM);

	say_ready();
	for (;;) {
		const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		while (read_all(fd, message, bytes) == 0 && write_all(fd, message, bytes) == 0)
			;
		close(fd);
	}
}

static int by_size(const void *a, const void *b)
{
	const uint32_t left = *(const uint32_t *)a;
	const uint32_t right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

/* Microseconds within which `share` of the sorted samples lie (nearest rank). */
static double percentile(const uint32_t *sorted, size_t count, double share)
{
	size_t rank = (size_t)((double)count * share);
	if (rank >= count)
		rank = count - 1;
	return (double)sorted[rank] / 1e3;
}

void request_response(char **arguments)
{
	static char message[MAX_MESSAGE];
	const size_t bytes = number(arguments[2], 1, MAX_MESSAGE);
	const uint64_t duration = number(arguments[3], 1, 3600000) * 1000000u;
	uint32_t *samples = malloc(MAX_SAMPLES * sizeof *samples);
	const int fd = connect_to(arguments[0], arguments[1], SOCK_STREAM);
	size_t count = 0;

	if (samples == NULL)
		fail("malloc");
	const uint64_t start = now_ns();
	for (uint64_t before = start; before - start < duration && count < MAX_SAMPLES;) {
		if (write_all(fd, message, bytes) != 0 || read_all(fd, message, bytes) != 0)
			fail("the connection ended");
		const uint64_t after = now_ns();
		const uint64_t took = after - before;
		samples[count++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
		before = after;
	}
	qsort(samples, count, sizeof *samples, by_size);
	printf("{\"count\":%zu,\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f}\n", count, percentile(samples, count, 0.5),
	       percentile(samples, count, 0.99), percentile(samples, count, 0.999));
	free(samples);
}
