#include "base.h"
#include "auth/users.h"
