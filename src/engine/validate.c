#include "base.h"
#include "engine/validate.h"
