/* Passwords for commands: from a file, a pipe or a terminal, never from an argument, which every
 * user of the machine could read. */
#ifndef ERP_COMMANDS_SECRET_H
#define ERP_COMMANDS_SECRET_H

#include "auth/password.h"
#include "commands/commands.h"

/* Rows for the option table of a command that calls secret_read. */
#define SECRET_OPTIONS                                                                             \
    {"password-file", "FILE", "take the password from the first line of this file", false},        \
    {                                                                                              \
        "generate", NULL, "make a password and print it, once", false                              \
    }

struct secret {
    char text[PASSWORD_MAX + 1];
    size_t len;
    bool generated; /* to be printed once */
};

/* By --password-file, --generate, else standard input: its first line, or asked for twice,
 * without echo, when it is a terminal. The rules for new passwords hold. False fills ctl->err. */
bool secret_read(struct ctl *ctl, const char *email, struct secret *secret);
void secret_wipe(struct secret *secret);

/* Its bcrypt hash at the cost of the settings. */
void secret_hash(const struct ctl *ctl, const struct secret *secret,
                 char out[static PASSWORD_HASH_SIZE]);

#endif
