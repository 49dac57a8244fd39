#include "base.h"
#include "engine/index.h"
