#include "base.h"
#include "auth/password.h"
