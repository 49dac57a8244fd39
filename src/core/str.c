#include "base.h"
#include "core/str.h"
