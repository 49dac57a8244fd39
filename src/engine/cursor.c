#include "base.h"
#include "engine/cursor.h"
