#include "base.h"
#include "core/log.h"
