#include "base.h"
#include "engine/crud.h"
