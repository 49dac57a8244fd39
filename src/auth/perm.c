#include "base.h"
#include "auth/perm.h"
