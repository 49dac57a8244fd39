#include "base.h"
#include "auth/password.h"
#include "auth/password_common.h"

#define UNIT_MAX     8 /* a repeated unit up to this long is no secret */
#define RUN_MIN      3
#define REST_MAX     3 /* characters outside of runs that do not make it a secret */
#define EMAIL_REST   8
#define EMAIL_PART   3
#define WORDS_IN_ROW 2

/* Lower-case letters only: a password is reduced to that before it is looked up, whole or as two
 * of these words in a row.
 *
 * To add one: 1. put it into its line below, letters only. The unit test walks the list. */
/* clang-format off */
static const char *const common[] = {
    /* words people build on */
    "access", "account", "admin", "administrator", "amazing", "angel", "apple", "august",
    "autumn", "awesome", "banana", "bangladesh", "baseball", "basketball", "batman", "beautiful",
    "bismillah", "blessed", "business", "butterfly", "buster", "camera", "cashier", "changeme",
    "changethis", "charlie", "cheese", "chelsea", "chocolate", "coffee", "company", "computer",
    "cookie", "cricket", "customer", "daniel", "december", "default", "dhaka", "diamond",
    "dragon", "elephant", "erp", "family", "february", "flower", "football", "forever", "freedom",
    "friday", "friend", "friends", "google", "guest", "hello", "hunter", "iloveyou", "india",
    "internet", "invoice", "january", "jesus", "jordan", "killer", "ledger", "letmein", "liverpool",
    "login", "love", "lovely", "manager", "master", "michael", "mobile", "monday", "money",
    "monkey", "mother", "mustang", "mypassword", "nothing", "november", "october", "office",
    "orange", "pakistan", "pass", "passphrase", "passw", "password", "passwort", "pharmacy",
    "pokemon", "princess", "product", "purple", "qwerty", "rainbow", "root", "salon", "samsung",
    "saturday", "sales", "secret", "secure", "security", "september", "server", "service",
    "shadow", "shop", "silver", "spring", "starwars", "store", "summer", "sunday", "sunflower",
    "sunshine", "superadmin", "superman", "superuser", "support", "system", "temp", "temporary",
    "tenant", "test", "testing", "thank", "thursday", "tiger", "trustno", "user", "username",
    "welcome", "whatever", "winter", "yellow",
    /* whole phrases */
    "abovethelaw", "alhamdulillah", "allahuakbar", "allyouneedislove", "beautifulgirl",
    "becauseiloveyou", "bestfriendsforever", "breakingbad", "californialove", "carpediemcarpe",
    "changemenow", "changemeplease", "chocolatecake", "christmastree", "cleanpassword",
    "comeonbaby", "companypassword", "correcthorse", "correcthorsebattery",
    "correcthorsebatterystaple", "defaultpassword", "dontforgetthis", "doyourememberme",
    "easypassword", "enterpassword", "familyforever", "flowerpower", "forgotpassword",
    "gameofthrones", "givemeaccess", "godisgood", "godislove", "goodmorning", "grandmother",
    "guessmypassword", "happybirthday", "happynewyear", "harrypotter", "heisrisen",
    "helloworld", "howareyou", "iamthebest", "idontknow", "iforgotmypassword", "illegalpassword",
    "iloveallah", "ilovejesus", "ilovemydad", "ilovemyfamily", "ilovemylife", "ilovemymom",
    "ilovemywife", "iloveyoubaby", "iloveyouforever", "iloveyousomuch", "insecurepassword",
    "intheend", "ipromise", "jesuschrist", "jesusissavior", "jesuslovesme", "justdoit",
    "keepitsimple", "letmeinletmein", "letmeinnow", "letmeinplease", "lifeisbeautiful",
    "liverpoolfc", "longpassword", "lordoftherings", "loveyouforever", "manchesterunited",
    "maytheforcebewithyou", "michaeljackson", "millionaire", "mybestfriend", "mybusiness",
    "mycompany", "mylongpassword", "mynewpassword", "mypasswordis", "mypasswordissecret",
    "mysecretpassword", "neverforget", "neversaynever", "newpassword", "nopassword",
    "nopasswordneeded", "notapassword", "oldpassword", "onceuponatime", "onelove",
    "opensesame", "passwordforever", "passwordispassword", "passwordpassword",
    "passwordprotected", "pleaseletmein", "realmadrid", "resetpassword", "rockandroll",
    "secretpassword", "securepassword", "shoppassword", "simplepassword", "skywalker",
    "somethingelse", "spiderman", "stayhungrystayfoolish", "strongpassword", "sunshinesunshine",
    "superpassword", "supersecret", "superstar", "temporarypassword", "testpassword",
    "testtesttest", "thebestpassword", "thequickbrownfox", "thisisapassword",
    "thisismypassword", "thisisnotapassword", "tobeornottobe", "topsecret", "trustnoone",
    "unbelievable", "userpassword", "verysecret", "victoriasecret", "wearethechampions",
    "welcomehome", "welcometothejungle", "whatisthis", "whatsmypassword", "wonderwall",
    "worldofwarcraft", "youareamazing", "yourpassword", "youshallnotpass", "zindabad",
};
/* clang-format on */

static const char *const lines[] = {
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "azertyuiop",
    "qwertzuiop",
    "qsdfghjklm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "!@#$%^&*()_+",
    "qazwsxedcrfvtgbyhnujmikolp",
};

const char *password_common_word(size_t i)
{
    return i < ARRAY_LEN(common) ? common[i] : NULL;
}

static size_t fold(char *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower((unsigned char)text[i]);
    out[len] = '\0';
    return len;
}

static bool is_repetition(const char *text, size_t len)
{
    for (size_t unit = 1; unit <= UNIT_MAX && unit < len; unit++) {
        if (memcmp(text, text + unit, len - unit) == 0)
            return true;
    }
    return false;
}

/* How many bytes from `text` on follow one of the lines, forwards or backwards. */
static size_t run_at(const char *text)
{
    size_t best = 0;

    for (size_t l = 0; l < ARRAY_LEN(lines); l++) {
        for (const char *start = lines[l]; *start; start++) {
            size_t ahead = 0, back = 0;

            while (text[ahead] && text[ahead] == start[ahead])
                ahead++;
            while (text[back] && start - back >= lines[l] && text[back] == *(start - back))
                back++;
            ahead = ahead > back ? ahead : back;
            best = ahead > best ? ahead : best;
        }
    }
    for (size_t same = 1; *text && text[same] == *text; same++)
        best = same + 1 > best ? same + 1 : best;
    return best;
}

static bool is_runs(const char *text)
{
    size_t rest = 0;

    while (*text) {
        size_t run = run_at(text);

        if (run >= RUN_MIN) {
            text += run;
        } else {
            rest++;
            text++;
        }
    }
    return rest <= REST_MAX;
}

/* Anything beyond ASCII counts as a letter: it is on no list, so it must not be dropped. */
static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Letters with the usual substitutions undone; what stands before the first and after the last
 * letter (a year, an exclamation mark) is dropped before, so that no year becomes letters. */
static void reduce(char *out, const char *text, size_t len, char for_one)
{
    static const char from[] = "013457@$!", to[] = "oleastasi";
    size_t first = 0, last = len, n = 0;

    while (first < len && !is_letter(text[first]) && text[first] != '@' && text[first] != '$')
        first++;
    while (last > first && !is_letter(text[last - 1]))
        last--;
    for (size_t i = first; i < last; i++) {
        const char *at = strchr(from, text[i]);

        if (is_letter(text[i]))
            out[n++] = text[i];
        else if (text[i] == '1')
            out[n++] = for_one;
        else if (at && *at)
            out[n++] = to[at - from];
    }
    out[n] = '\0';
}

static bool is_words(const char *text, int words)
{
    if (!*text)
        return true;
    for (size_t i = 0; words > 0 && i < ARRAY_LEN(common); i++) {
        size_t n = strlen(common[i]);

        if (strncmp(text, common[i], n) == 0 && is_words(text + n, words - 1))
            return true;
    }
    return false;
}

bool password_common(const char *password, size_t len)
{
    char text[PASSWORD_MAX + 1], letters[PASSWORD_MAX + 1];

    if (len > PASSWORD_MAX)
        return false;
    fold(text, password, len);
    if (is_repetition(text, len) || is_runs(text))
        return true;
    for (const char *one = "li"; *one; one++) {
        reduce(letters, text, len, *one);
        if (*letters && is_words(letters, WORDS_IN_ROW))
            return true;
    }
    return false;
}

/* Removes every occurrence of `part`; returns the new length. */
static size_t cut(char *text, size_t len, const char *part, size_t part_len)
{
    char *at;

    while ((at = memmem(text, len, part, part_len))) {
        memmove(at, at + part_len, len - (size_t)(at - text) - part_len);
        len -= part_len;
    }
    return len;
}

bool password_like_email(const char *password, size_t len, const char *email)
{
    char text[PASSWORD_MAX + 1], folded[256];
    size_t n = len, email_len = email ? strlen(email) : 0;

    if (len > PASSWORD_MAX || email_len == 0 || email_len >= sizeof(folded))
        return false;
    fold(text, password, len);
    fold(folded, email, email_len);
    n = cut(text, n, folded, email_len);
    for (const char *part = folded; *part; part += strspn(part, "@.+-_")) {
        size_t part_len = strcspn(part, "@.+-_");

        if (part_len >= EMAIL_PART)
            n = cut(text, n, part, part_len);
        part += part_len;
    }
    return n < len && n < EMAIL_REST;
}
