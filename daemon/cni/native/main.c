/*
 * weft-cni: the CNI plugin of weft. All that it knows is how to reach the daemon: it hands over its environment and its input, prints
 * what the daemon answers, and runs the IPAM plugin of a configuration that names one, which only whoever is called by the runtime
 * can do. A program of its own because a start of Node takes 100 ms; the same in TypeScript is daemon/cni/main.ts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "delegate.h"
#include "json.h"
#include "pending.h"

#define DEFAULT_SOCKET "/run/weft/api.sock"
/* CNI specification 1.1.0, section 5. */
#define ERROR_ENVIRONMENT 4
#define ERROR_IO 5
#define ERROR_TRY_AGAIN 11
#define ERROR_LIMITED 51

/* A configuration has some hundred bytes. */
#define MAX_CONFIG (512 * 1024)
/* Runtimes wait for 30 s and more; whether a daemon is there shows at once. */
#define PATIENCE 28

static const char VERSIONS[] = "[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]";

static int fail(const char *version, int code, const char *message, const char *details)
{
	char text[1024], more[2048];

	json_escape(message, text, sizeof(text));
	json_escape(details, more, sizeof(more));
	printf("{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"%s\",\"details\":\"%s\"}\n", version, code, text, more);
	return 1;
}

static int is_command(const char *command, const char *name)
{
	return strcmp(command, name) == 0;
}

/* No daemon has answered. */
static int without_daemon(const char *command, const char *version, const char *socket, const struct text *config, int error)
{
	char details[512];

	int is_gone = error == -ENOENT || error == -ECONNREFUSED || error == -ECONNRESET || error == -EPIPE;

	/* One that is only slow may do it yet: then a file would take away what comes after. */
	if (is_command(command, "DEL") && is_gone) {
		error = pending_remember(socket, config);
		if (error == 0)
			return 0;
	}
	if (error == -EINVAL)
		return fail(version, ERROR_ENVIRONMENT, "a variable of the environment has a control character", "");
	snprintf(details, sizeof(details), "%s: %s; is weft running? start it, or name its socket as \"socket\" in the configuration",
		 socket, strerror(-error));
	return fail(version, is_command(command, "STATUS") ? ERROR_LIMITED : ERROR_TRY_AGAIN, "no weft daemon answers", details);
}

/* The configuration with what the IPAM plugin has said: a line with the length of both, then both as they came. */
static void join(struct text *both, const struct text *config, const struct text *output)
{
	text_print(both, "%zu %zu\n", config->length, output->length);
	text_append(both, config->bytes, config->length);
	text_append(both, output->bytes == NULL ? "" : output->bytes, output->length);
}

/* The IPAM plugin that the configuration names; an empty string if addresses are ours to give. */
static void find_ipam(const struct text *config, char *name, size_t size)
{
	size_t length = 0;
	const char *ipam = json_object(config->bytes, config->length, "ipam", &length);

	*name = '\0';
	if (ipam != NULL && json_member(ipam, length, "type", name, size) > 0 && is_command(name, "weft"))
		*name = '\0';
}

/* What a plugin has printed when it failed is the answer. */
static int delegate_failed(const char *version, const char *plugin, int status, const struct text *output)
{
	char details[512];

	if (status > 0 && output->length > 0) {
		fwrite(output->bytes, 1, output->length, stdout);
		return 1;
	}
	snprintf(details, sizeof(details), "%s: %s", plugin, status < 0 ? strerror(-status) : "it has said nothing");
	return fail(version, ERROR_IO, "cannot run the IPAM plugin", details);
}

static int finish(const struct answer *answer)
{
	fwrite(answer->body.bytes, 1, answer->body.length, stdout);
	return strcmp(answer->verdict, "ok") == 0 ? 0 : 1;
}

static int add(const char *version, const char *socket, const char *plugin, const struct text *config)
{
	struct text output = { 0 }, ignored = { 0 }, both = { 0 };
	struct answer answer;
	int status = delegate_run(plugin, NULL, config, &output);

	if (status != 0)
		return delegate_failed(version, plugin, status, &output);
	join(&both, config, &output);
	int error = call_daemon(socket, &both, 1, PATIENCE, &answer);

	if (error == 0 && strcmp(answer.verdict, "ok") == 0)
		return finish(&answer);
	/* Nobody will ask for it to be given back: the runtime takes the whole ADD for failed. */
	delegate_run(plugin, "DEL", config, &ignored);
	return error != 0 ? without_daemon("ADD", version, socket, config, error) : finish(&answer);
}

int main(void)
{
	struct text config = { 0 }, output = { 0 };
	struct answer answer;
	char socket[256], version[32], plugin[128];
	const char *command = getenv("CNI_COMMAND");
	int error = text_read(&config, STDIN_FILENO, MAX_CONFIG);

	if (config.bytes == NULL)
		text_append(&config, "", 0);
	if (json_member(config.bytes, config.length, "cniVersion", version, sizeof(version)) < 0)
		strcpy(version, "1.0.0");
	if (error != 0)
		return fail(version, ERROR_IO, "cannot read the configuration", strerror(-error));
	if (command == NULL || *command == '\0')
		return fail(version, ERROR_ENVIRONMENT, "CNI_COMMAND is not set", "weft-cni is called by container runtimes; see weft cni install");
	if (is_command(command, "VERSION")) {
		printf("{\"cniVersion\":\"%s\",\"supportedVersions\":%s}\n", version, VERSIONS);
		return 0;
	}
	if (json_member(config.bytes, config.length, "socket", socket, sizeof(socket)) <= 0)
		strcpy(socket, DEFAULT_SOCKET);
	find_ipam(&config, plugin, sizeof(plugin));

	if (*plugin != '\0' && is_command(command, "ADD"))
		return add(version, socket, plugin, &config);
	if (*plugin != '\0' && !is_command(command, "DEL")) {
		int status = delegate_run(plugin, NULL, &config, &output);

		if (status != 0)
			return delegate_failed(version, plugin, status, &output);
	}
	error = call_daemon(socket, &config, 0, PATIENCE, &answer);
	int code = error != 0 ? without_daemon(command, version, socket, &config, error) : finish(&answer);

	/* Addresses are given back when nobody has them any more. */
	if (*plugin != '\0' && is_command(command, "DEL") && code == 0) {
		int status = delegate_run(plugin, NULL, &config, &output);

		if (status != 0)
			return delegate_failed(version, plugin, status, &output);
	}
	return code;
}
