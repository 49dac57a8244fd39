#include "base.h"
#include "core/id.h"
