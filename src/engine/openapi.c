#include "base.h"
#include "engine/openapi.h"
