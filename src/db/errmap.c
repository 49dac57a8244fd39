#include "base.h"
#include "db/errmap.h"
