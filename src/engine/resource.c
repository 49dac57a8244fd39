#include "base.h"
#include "engine/resource.h"
