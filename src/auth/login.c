#include "base.h"
#include "auth/login.h"
