#include "call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* The environment of a plugin (CNI specification 1.1.0, section 2). Names of headers, which have no underscore. */
static const char *const VARIABLES[][2] = {
	{ "CNI_COMMAND", "X-Cni-Command" }, { "CNI_CONTAINERID", "X-Cni-Container" }, { "CNI_NETNS", "X-Cni-Netns" },
	{ "CNI_IFNAME", "X-Cni-Ifname" },   { "CNI_ARGS", "X-Cni-Args" },
};

/* The result of a node with a thousand networks. */
#define MAX_ANSWER (1024 * 1024)

void text_append(struct text *text, const void *bytes, size_t length)
{
	char *grown = realloc(text->bytes, text->length + length + 1);

	if (grown == NULL) {
		fputs("weft-cni: no memory left\n", stderr);
		exit(1);
	}
	memcpy(grown + text->length, bytes, length);
	text->bytes = grown;
	text->length += length;
	grown[text->length] = '\0';
}

void text_print(struct text *text, const char *format, ...)
{
	char line[4096];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length > 0)
		text_append(text, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

int text_read(struct text *text, int fd, size_t limit)
{
	char buffer[16384];

	for (;;) {
		ssize_t count = read(fd, buffer, sizeof(buffer));

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			return 0;
		if (text->length + (size_t)count > limit)
			return -EFBIG;
		text_append(text, buffer, (size_t)count);
	}
}

static int connect_to(const char *path, int seconds)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = seconds };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* The time to connect is that to send (unix_stream_connect waits while the backlog is full). */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

static int send_all(int fd, const struct text *text)
{
	for (size_t sent = 0; sent < text->length;) {
		ssize_t count = send(fd, text->bytes + sent, text->length - sent, MSG_NOSIGNAL);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		sent += (size_t)count;
	}
	return 0;
}

/* A line break would begin a header of its own. */
static int has_control(const char *value)
{
	for (; *value != '\0'; value++)
		if ((unsigned char)*value < 0x20)
			return 1;
	return 0;
}

static int write_request(struct text *request, const struct text *body, int is_delegated)
{
	text_print(request, "POST /v1/cni HTTP/1.1\r\nHost: weft\r\nConnection: close\r\nContent-Type: text/plain\r\n");
	for (size_t i = 0; i < sizeof(VARIABLES) / sizeof(*VARIABLES); i++) {
		const char *value = getenv(VARIABLES[i][0]);

		if (value == NULL || *value == '\0')
			continue;
		if (has_control(value))
			return -EINVAL;
		text_print(request, "%s: ", VARIABLES[i][1]);
		text_append(request, value, strlen(value));
		text_print(request, "\r\n");
	}
	if (is_delegated)
		text_print(request, "X-Weft-Delegated: 1\r\n");
	text_print(request, "Content-Length: %zu\r\n\r\n", body->length);
	text_append(request, body->bytes == NULL ? "" : body->bytes, body->length);
	return 0;
}

/* Finds the verdict among the headers and takes what follows them; the daemon closes the connection at the end. */
static int take_response(const struct text *response, struct answer *answer)
{
	char *end = response->bytes == NULL ? NULL : strstr(response->bytes, "\r\n\r\n");

	if (end == NULL)
		return -EPROTO;
	for (char *line = response->bytes; line < end; line = strstr(line, "\r\n") + 2) {
		static const char NAME[] = "X-Weft-Cni: ";

		if (strncasecmp(line, NAME, sizeof(NAME) - 1) != 0)
			continue;
		size_t length = strcspn(line + sizeof(NAME) - 1, "\r");

		if (length >= sizeof(answer->verdict))
			return -EPROTO;
		memcpy(answer->verdict, line + sizeof(NAME) - 1, length);
		answer->verdict[length] = '\0';
	}
	text_append(&answer->body, end + 4, response->length - (size_t)(end + 4 - response->bytes));
	return answer->verdict[0] == '\0' ? -EPROTO : 0;
}

int call_daemon(const char *socket_path, const struct text *body, int is_delegated, int seconds, struct answer *answer)
{
	struct text request = { 0 };
	struct text response = { 0 };
	int fd = connect_to(socket_path, seconds);

	if (fd < 0)
		return fd;
	memset(answer, 0, sizeof(*answer));
	int error = write_request(&request, body, is_delegated);

	if (error == 0)
		error = send_all(fd, &request);
	if (error == 0)
		error = text_read(&response, fd, MAX_ANSWER);
	if (error == 0)
		error = take_response(&response, answer);
	close(fd);
	free(request.bytes);
	free(response.bytes);
	return error;
}
