/*
 * TCP connections for one request each: connect, send, read the response, close. The server closes first, so that the
 * ports of the client are free at once and a fast path cannot run out of them.
 */
#include "traffic.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_THREADS 64
#define SERVERS 16

struct job {
	const char *address;
	const char *port;
	size_t bytes;
	int listener;
	uint64_t end;
	uint64_t connections;
};

static void start_threads(void *(*body)(void *), struct job *jobs, size_t count, pthread_t *threads)
{
	for (size_t i = 0; i < count; i++) {
		errno = pthread_create(&threads[i], NULL, body, &jobs[i]);
		if (errno != 0)
			fail("pthread_create");
	}
}

static void *serve(void *argument)
{
	const struct job *job = argument;
	char message[MAX_MESSAGE];
	for (;;) {
		const int fd = accept4(job->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		if (read_all(fd, message, job->bytes) == 0)
			(void)write_all(fd, message, job->bytes);
		close(fd);
	}
	return NULL;
}

void connection_server(char **arguments)
{
	struct job jobs[SERVERS];
	pthread_t threads[SERVERS];
	const size_t bytes = number(arguments[1], 1, MAX_MESSAGE);
	const int listener = bind_to(arguments[0], SOCK_STREAM);
	for (size_t i = 0; i < SERVERS; i++)
		jobs[i] = (struct job){.listener = listener, .bytes = bytes};
	start_threads(serve, jobs, SERVERS, threads);
	say_ready();
	pthread_join(threads[0], NULL);
}

static void *visit(void *argument)
{
	struct job *job = argument;
	char message[MAX_MESSAGE] = {0};
	while (now_ns() < job->end) {
		const int fd = connect_to(job->address, job->port, SOCK_STREAM);
		if (write_all(fd, message, job->bytes) != 0 || read_all(fd, message, job->bytes) != 0)
			fail("the connection ended");
		// The server has closed or is about to: with its end read, this side is the passive one.
		if (read_all(fd, message, 1) == 0) {
			errno = 0;
			fail("the server said more than it should");
		}
		close(fd);
		job->connections++;
	}
	return NULL;
}

void connection_rate(char **arguments)
{
	struct job jobs[MAX_THREADS];
	pthread_t threads[MAX_THREADS];
	const size_t parallel = number(arguments[3], 1, MAX_THREADS);
	const uint64_t start = now_ns();
	uint64_t total = 0;
	for (size_t i = 0; i < parallel; i++) {
		jobs[i] = (struct job){
			.address = arguments[0],
			.port = arguments[1],
			.bytes = number(arguments[2], 1, MAX_MESSAGE),
			.end = start + number(arguments[4], 1, 3600000) * 1000000u,
		};
	}
	start_threads(visit, jobs, parallel, threads);
	for (size_t i = 0; i < parallel; i++) {
		pthread_join(threads[i], NULL);
		total += jobs[i].connections;
	}
	printf("{\"connections\":%llu,\"seconds\":%.6f}\n", (unsigned long long)total,
	       (double)(now_ns() - start) / 1e9);
}
