#include "base.h"
#include "http/route.h"
