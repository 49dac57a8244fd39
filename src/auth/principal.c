#include "base.h"
#include "auth/principal.h"
