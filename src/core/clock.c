#include "base.h"
#include "core/clock.h"
