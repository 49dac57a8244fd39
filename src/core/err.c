#include "base.h"
#include "core/err.h"
