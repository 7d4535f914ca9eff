#include "traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
	const char *name;
	int arguments;
	void (*run)(char **arguments);
	const char *usage;
} COMMANDS[] = {
	{"udp-send", 4, udp_send, "ADDRESS PORT BYTES MILLISECONDS"},
	{"udp-receive", 3, udp_receive, "PORT WARM-UP-MILLISECONDS MILLISECONDS"},
	{"echo-server", 2, echo_server, "PORT BYTES"},
	{"request-response", 4, request_response, "ADDRESS PORT BYTES MILLISECONDS"},
	{"connection-server", 2, connection_server, "PORT BYTES"},
	{"connection-rate", 5, connection_rate, "ADDRESS PORT BYTES PARALLEL MILLISECONDS"},
};

void fail(const char *what)
{
	if (errno == 0)
		fprintf(stderr, "traffic: %s\n", what);
	else
		fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t number(const char *text, uint64_t min, uint64_t max)
{
	char *end = NULL;
	errno = 0;
	const unsigned long long value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < min || value > max) {
		errno = 0;
		fprintf(stderr, "traffic: \"%s\" is no number from %llu to %llu\n", text, (unsigned long long)min,
			(unsigned long long)max);
		exit(2);
	}
	return value;
}

void say_ready(void)
{
	printf("\"ready\"\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
		const struct command *command = &COMMANDS[i];
		if (argc >= 2 && strcmp(argv[1], command->name) == 0 && argc == 2 + command->arguments) {
			command->run(argv + 2);
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++)
		fprintf(stderr, "usage: traffic %s %s\n", COMMANDS[i].name, COMMANDS[i].usage);
	return 2;
}
