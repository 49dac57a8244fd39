/* Passwords that are long enough and still guessed first.
 *
 * Refused are: the list in password_common.c (compared without case, without the usual
 * substitutions of digits for letters, and without digits and signs around it), one unit repeated,
 * runs of the alphabet, of digits or along the keyboard, and the email with little added. Nothing
 * is asked of the mix of characters.
 */
#ifndef ERP_AUTH_PASSWORD_COMMON_H
#define ERP_AUTH_PASSWORD_COMMON_H

#include "base.h"

/* Both take at most PASSWORD_MAX bytes of valid UTF-8; longer text is not judged (false). */
bool password_common(const char *password, size_t len);

/* The email (NULL: none) or its parts make up the password but for fewer than 8 bytes. */
bool password_like_email(const char *password, size_t len, const char *email);

/* The words of the list, for the test that proves each is refused; NULL past the end. */
const char *password_common_word(size_t i);

#endif
