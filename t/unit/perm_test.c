/* Roles: names go both ways, masks contain what their names say. */
#include "base.h"
#include "auth/perm.h"

#include <setjmp.h>
#include <cmocka.h>

static void names_go_both_ways(void **state ERP_UNUSED)
{
    enum role role;

    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        assert_true(role_parse(role_name((enum role)i), &role));
        assert_int_equal(role, i);
    }
}

static void other_names_are_refused(void **state ERP_UNUSED)
{
    static const char *const wrong[] = {"", "admin", "Staff", "staff ", "super_admin\n", "tenant"};
    enum role role = ROLE_COUNT;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(role_parse(wrong[i], &role));
    assert_int_equal(role, ROLE_COUNT);
}

static void masks(void **state ERP_UNUSED)
{
    assert_int_equal(ROLES_ANY, (1u << ROLE_COUNT) - 1);
    assert_int_equal(ROLES_TENANT & ROLES_SUPER, 0);
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        bool all = i == ROLE_SUPER_ADMIN || i == ROLE_TENANT_ADMIN || i == ROLE_HEAD_OFFICE;

        assert_int_equal(role_all_branches((enum role)i), all);
    }
}

static void nobody_reaches_above(void **state ERP_UNUSED)
{
    assert_true(role_within(ROLE_SUPER_ADMIN, ROLE_SUPER_ADMIN));
    assert_false(role_within(ROLE_TENANT_ADMIN, ROLE_SUPER_ADMIN));
    assert_true(role_within(ROLE_TENANT_ADMIN, ROLE_TENANT_ADMIN));
    for (unsigned own = 0; own < ROLE_COUNT; own++)
        for (unsigned other = 0; other < ROLE_COUNT; other++)
            assert_int_equal(role_within((enum role)own, (enum role)other), own <= other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(masks),
        cmocka_unit_test(nobody_reaches_above),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
