#include "base.h"
#include "engine/query.h"
