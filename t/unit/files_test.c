/* The files of a tenant as a whole: what the server can have stored, and going through a folder in
 * which others work. */
#include "base.h"
#include <setjmp.h>
#include <cmocka.h>
#include "core/id.h"
#include "platform/archive.h"

#define ID   "0193e2a0-0000-7000-8000-000000000001"
#define TO   "0193e2a0-0000-7000-8000-000000000002"
#define HEX  "0123456789abcdef"
#define HEX2 HEX HEX
#define PNG  "\x89PNG\r\n\x1a\n...."
#define PDF  "%PDF-1.7\n...."

static const char *unfit(const char *room, const char *name, int64_t bytes, const char *head)
{
    return files_unfit(ID, room, name, bytes, head, head ? strlen(head) : 0);
}

static void test_fit(void **state ERP_UNUSED)
{
    assert_null(unfit("settings", "logo_" ID "_" HEX ".png", 5 << 20, PNG));
    assert_null(unfit("settings", "background_" ID "_" HEX ".png", 1, NULL));
    assert_null(unfit("settings", "favicon_" ID "_" HEX ".ico", 1, NULL));
    assert_null(unfit("receipts", HEX2 ".pdf", 10 << 20, PDF));
    assert_null(unfit("evidence", HEX2 ".png", 5 << 20, PNG));
}

static void test_unfit(void **state ERP_UNUSED)
{
    static const char *const names[][2] = {
        {"", HEX2 ".pdf"},
        {"..", HEX2 ".pdf"},
        {"invoices", HEX2 ".pdf"},
        {"receipts", ""},
        {"receipts", ".."},
        {"receipts", ".pdf"},
        {"receipts", HEX2},
        {"receipts", HEX2 ".exe"},
        {"receipts", HEX2 ".ico"},
        {"receipts", HEX2 ".PDF"},
        {"receipts", HEX2 ".x.pdf"},
        {"receipts", HEX2 "0.pdf"},
        {"receipts", HEX ".pdf"},
        {"receipts", "0123456789ABCDEF" HEX ".pdf"},
        {"receipts", "../" HEX2 ".pdf"},
        {"receipts", ".new-" HEX2 ".pdf"},
        {"receipts", "logo_" ID "_" HEX ".png"},
        {"evidence", HEX2 ".pdf"},
        {"settings", HEX2 ".png"},
        {"settings", "logo_" TO "_" HEX ".png"},
        {"settings", "logo_" ID "_" HEX ".pdf"},
        {"settings", "logo_" ID "_" HEX "0.png"},
        {"settings", "banner_" ID "_" HEX ".png"},
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!unfit(names[i][0], names[i][1], 20, NULL))
            fail_msg("%s/%s fits", names[i][0], names[i][1]);
    assert_non_null(unfit("receipts", HEX2 ".pdf", 0, NULL));
    assert_non_null(unfit("receipts", HEX2 ".pdf", (10 << 20) + 1, NULL));
    assert_non_null(unfit("evidence", HEX2 ".png", (5 << 20) + 1, NULL));
    assert_non_null(unfit("receipts", HEX2 ".pdf", 20, PNG));
    assert_non_null(unfit("receipts", HEX2 ".pdf", 20, "<html><script>alert(1)"));
}

static void test_names(void **state ERP_UNUSED)
{
    char name[FILE_NAME_SIZE];

    files_name_of(ID, TO, "logo_" ID "_" HEX ".png", name);
    assert_string_equal(name, "logo_" TO "_" HEX ".png");
    files_name_of(ID, TO, "logo_other_" HEX ".png", name);
    assert_string_equal(name, "logo_other_" HEX ".png");
    files_name_of(ID, TO, HEX2 ".pdf", name);
    assert_string_equal(name, HEX2 ".pdf");
}

/* --- a folder -------------------------------------------------------------------------------- */

struct fixture {
    char dir[64];
    struct conf conf;
    struct err err;
    int n, others;
    char last[200]; /* why of the last other */
};

static void put(struct fixture *f, const char *room, const char *name, const char *bytes,
                size_t len)
{
    struct files_in in;

    assert_true(files_in_init(&in, &f->conf, ID, &f->err));
    assert_true(files_in_begin(&in, room, name, &f->err));
    assert_true(files_in_write(&in, bytes, len, &f->err));
    assert_true(files_in_end(&in, &f->err));
    assert_true(files_in_settle(&in, &f->err));
    files_in_release(&in);
}

static const char *path_of(struct fixture *f, const char *rest, char *out, size_t size)
{
    snprintf(out, size, "%s/%s/%s", f->dir, ID, rest);
    return out;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "/tmp/erpd-files-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->conf.files_dir = f->dir;
    err_init(&f->err);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    assert_true(files_remove_tenant(&f->conf, ID, &f->err));
    assert_false(files_there(&f->conf, ID));
    assert_int_equal(rmdir(f->dir), 0);
    err_release(&f->err);
    free(f);
    return 0;
}

static bool see(void *data, const char *room, const char *name ERP_UNUSED, int fd,
                struct err *err ERP_UNUSED)
{
    struct fixture *f = data;
    char path[300], byte;

    assert_string_equal(room, "receipts");
    assert_int_equal(read(fd, &byte, 1), 1);
    f->n++;
    /* A worker, or the sweeper, at work: all go, and this one too, which stays open. */
    for (int i = 0; i < 8; i++) {
        char rest[80];

        snprintf(rest, sizeof rest, "receipts/%s%d.pdf", HEX2 + 1, i);
        unlink(path_of(f, rest, path, sizeof path));
    }
    return true;
}

static void see_other(void *data, const char *room ERP_UNUSED, const char *name ERP_UNUSED,
                      const char *why)
{
    struct fixture *f = data;

    f->others++;
    snprintf(f->last, sizeof f->last, "%s", why);
}

static void test_vanishing(void **state)
{
    struct fixture *f = *state;
    const struct files_visitor visitor = {see, see_other, f};

    for (int i = 0; i < 8; i++) {
        char name[80];

        snprintf(name, sizeof name, "%s%d.pdf", HEX2 + 1, i);
        put(f, "receipts", name, PDF, sizeof PDF - 1);
    }
    assert_true(files_walk(&f->conf, ID, &visitor, &f->err));
    assert_int_equal(f->n, 1);
    assert_int_equal(f->others, 7);
    assert_string_equal(f->last, "it was removed meanwhile");
}

static void test_others(void **state)
{
    struct fixture *f = *state;
    const struct files_visitor visitor = {see, see_other, f};
    char path[300];

    put(f, "receipts", HEX2 ".pdf", PDF, sizeof PDF - 1);
    assert_int_equal(symlink("/etc/passwd", path_of(f, "receipts/link.pdf", path, sizeof path)), 0);
    assert_int_equal(mkfifo(path_of(f, "receipts/fifo.pdf", path, sizeof path), 0600), 0);
    assert_int_equal(mkdir(path_of(f, "receipts/folder.pdf", path, sizeof path), 0700), 0);
    assert_int_equal(mkdir(path_of(f, "notes", path, sizeof path), 0700), 0);
    assert_int_equal(
        close(open(path_of(f, "receipts/.new-x.pdf", path, sizeof path), O_CREAT | O_WRONLY, 0600)),
        0);
    assert_true(files_walk(&f->conf, ID, &visitor, &f->err));
    assert_int_equal(f->n, 1);
    assert_int_equal(f->others, 4);
    assert_int_equal(rmdir(path_of(f, "receipts/folder.pdf", path, sizeof path)), 0);
}

static void test_hostile_names(void **state)
{
    struct fixture *f = *state;
    static const char *const names[][2] = {{"receipts", "../" HEX2 ".pdf"}, {"..", HEX2 ".pdf"},
                                           {"receipts", ".."}, {"receipts/../..", HEX2 ".pdf"}};
    struct files_in in;

    assert_true(files_in_init(&in, &f->conf, ID, &f->err));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_false(files_in_begin(&in, names[i][0], names[i][1], &f->err));
        assert_int_equal(f->err.code, ERR_BAD_REQUEST);
        err_clear(&f->err);
    }
    files_in_release(&in);
}

static void test_no_folder(void **state)
{
    struct fixture *f = *state;
    struct conf nowhere = {.files_dir = (char *)"/nonexistent/files"};
    int64_t n, bytes;

    assert_false(files_count(&nowhere, ID, &n, &bytes, &f->err));
    assert_int_equal(f->err.code, ERR_STATE);
    assert_non_null(strstr(f->err.detail, "/nonexistent/files"));
    err_clear(&f->err);
    assert_false(files_remove_tenant(&nowhere, ID, &f->err));
    assert_int_equal(f->err.code, ERR_STATE);
    err_clear(&f->err);
    assert_true(files_count(&f->conf, ID, &n, &bytes, &f->err));
    assert_int_equal(n, 0);
    put(f, "receipts", HEX2 ".pdf", PDF, sizeof PDF - 1);
    assert_true(files_count(&f->conf, ID, &n, &bytes, &f->err));
    assert_int_equal(n, 1);
    assert_int_equal(bytes, (int64_t)sizeof PDF - 1);
}

/* --- a file that others change while it is read ---------------------------------------------- */

static volatile bool stop;

static void *keep_writing(void *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    for (unsigned n = 0; fd >= 0 && !stop; n++) {
        if (lseek(fd, 4 << 20, SEEK_SET) < 0 || write(fd, &n, 1 + n % 4) <= 0 ||
            ftruncate(fd, (4 << 20) + 4) != 0)
            break;
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void note(void *data, const char *text)
{
    struct fixture *f = data;

    snprintf(f->last, sizeof f->last, "%s", text);
}

static void test_changing(void **state)
{
    struct fixture *f = *state;
    struct arena *arena = arena_new(1 << 20);
    struct job job = {.conf = &f->conf, .arena = arena, .err = &f->err, .progress = note,
                      .progress_data = f};
    char path[300], *bytes = calloc(1, 4 << 20);
    time_t until = time(NULL) + 60;
    bool seen = false;
    pthread_t writer;

    assert_non_null(bytes);
    memcpy(bytes, PDF, sizeof PDF - 1);
    put(f, "receipts", HEX2 ".pdf", bytes, 4 << 20);
    path_of(f, "receipts/" HEX2 ".pdf", path, sizeof path);
    stop = false;
    assert_int_equal(pthread_create(&writer, NULL, keep_writing, path), 0);
    while (!seen && time(NULL) < until) {
        struct archive_facts facts = {.tenant_id = ID};
        char at[100];
        struct pack *pack;

        snprintf(at, sizeof at, "%s/archive.tar", f->dir);
        pack = pack_create(at, false, &f->err);
        assert_non_null(pack);
        assert_true(archive_add_files(&job, pack, &facts));
        assert_int_equal(facts.files + facts.files_left_out, 1);
        assert_int_equal(pack_members(pack)->n, facts.files);
        if (facts.files == 1) /* it was quiet for once: then it is whole */
            assert_int_equal(facts.file_bytes, pack_members(pack)->items[0].bytes);
        seen = facts.files_left_out == 1 && strstr(f->last, "changes while it is read");
        pack_free(pack);
        assert_int_equal(access(at, F_OK), -1);
    }
    stop = true;
    pthread_join(writer, NULL);
    assert_true(seen);
    free(bytes);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_unfit),
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_vanishing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changing, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
