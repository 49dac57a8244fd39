#include "base.h"
#include "engine/render.h"
