#include "base.h"
#include "core/arena.h"
