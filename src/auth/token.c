#include "base.h"
#include "auth/token.h"
