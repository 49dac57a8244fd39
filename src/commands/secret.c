/* Reads passwords without leaving copies behind. */
#include "base.h"
#include "commands/secret.h"
#include "core/id.h"

#include <termios.h>

#define GENERATED_BYTES 15 /* 120 bits, 20 characters */

/* The first line of a descriptor, without its end. One byte a read: nothing is left in a buffer
 * of ours, and what follows the line stays for others. */
static bool read_line(struct ctl *ctl, int fd, struct secret *secret)
{
    char c;
    ssize_t got;

    secret->len = 0;
    while ((got = read(fd, &c, 1)) == 1 && c != '\n') {
        if (secret->len == PASSWORD_MAX)
            return err_set(&ctl->err, ERR_VALIDATION, "The password is longer than %d bytes",
                           PASSWORD_MAX);
        secret->text[secret->len++] = c;
    }
    if (got < 0)
        return err_set(&ctl->err, ERR_VALIDATION, "Cannot read the password: %s", strerror(errno));
    if (secret->len > 0 && secret->text[secret->len - 1] == '\r')
        secret->len--;
    secret->text[secret->len] = '\0';
    return true;
}

static bool ask(struct ctl *ctl, const char *prompt, struct secret *secret)
{
    struct termios shown, hidden;
    bool ok;

    fprintf(stderr, "%s: ", prompt);
    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return err_set(&ctl->err, ERR_VALIDATION, "Cannot switch the echo off: %s",
                       strerror(errno));
    hidden = shown;
    hidden.c_lflag &= (tcflag_t)~ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    ok = read_line(ctl, STDIN_FILENO, secret);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    return ok;
}

static bool ask_twice(struct ctl *ctl, struct secret *secret)
{
    struct secret again = {.len = 0};
    bool ok = ask(ctl, "New password", secret) && ask(ctl, "The same again", &again);

    if (ok && (again.len != secret->len || memcmp(again.text, secret->text, again.len) != 0))
        ok = err_set(&ctl->err, ERR_VALIDATION, "The two passwords differ");
    secret_wipe(&again);
    return ok;
}

static bool from_file(struct ctl *ctl, const char *path, struct secret *secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok;

    if (fd < 0)
        return err_set(&ctl->err, ERR_VALIDATION, "Cannot open %s: %s", path, strerror(errno));
    ok = read_line(ctl, fd, secret);
    close(fd);
    return ok;
}

static void generate(struct secret *secret)
{
    uint8_t bytes[GENERATED_BYTES];
    struct str text;

    random_bytes(bytes, sizeof bytes);
    str_init(&text);
    str_add_base64url(&text, bytes, sizeof bytes);
    memcpy(secret->text, text.p, text.len + 1);
    secret->len = text.len;
    secret->generated = true;
    explicit_bzero(text.p, text.len);
    explicit_bzero(bytes, sizeof bytes);
    str_release(&text);
}

bool secret_read(struct ctl *ctl, const char *email, struct secret *secret)
{
    const char *path = ctl_option(ctl, "password-file");
    bool ok = true;

    memset(secret, 0, sizeof *secret);
    if (ctl_flag(ctl, "generate"))
        generate(secret);
    else if (path)
        ok = from_file(ctl, path, secret);
    else if (isatty(STDIN_FILENO))
        ok = ask_twice(ctl, secret);
    else
        ok = read_line(ctl, STDIN_FILENO, secret);
    if (ok && secret->len == 0)
        ok = err_set(&ctl->err, ERR_VALIDATION,
                     "No password: give it on standard input, in --password-file, or use "
                     "--generate");
    return ok && password_check_new(secret->text, secret->len, email, "password", &ctl->err);
}

void secret_wipe(struct secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}

void secret_hash(const struct ctl *ctl, const struct secret *secret,
                 char out[static PASSWORD_HASH_SIZE])
{
    password_hash(out, secret->text, secret->len, (int)ctl->conf.bcrypt_cost);
}
