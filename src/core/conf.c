#include "base.h"
#include "core/conf.h"
