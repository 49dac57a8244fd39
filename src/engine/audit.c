#include "base.h"
#include "engine/audit.h"
