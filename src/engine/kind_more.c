#include "base.h"
#include "engine/kind.h"
